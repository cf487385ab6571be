import * as assert from 'uvu/assert'
import { composerProject } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

/** Of a repository that is asked after ours: ours says of them that it has none. */
const others = {
  type: 'package',
  package: { name: 'other/tool', version: '1.0.0', type: 'metapackage' },
}

async function open({ run }: Composer) {
  const service = await startService()
  return {
    /** What is printed by commands in a project that needs a virtual package and one of another repository. */
    printed: async (pin: string, ...commands: readonly (readonly string[])[]): Promise<string> => {
      const repository = `${service.url}${pin}`
      const ours = { type: 'composer', url: repository }
      const repositories = [ours, others, { 'packagist.org': false }]
      const require = { 'acme/http': '*', 'acme/messages': '*', 'other/tool': '*' }
      const project = composerProject({ repository, require, extra: { repositories } })
      try {
        const outputs: string[] = []
        for (const command of commands) {
          const { code, output } = await run(command, project)
          assert.is(code, 0, output)
          outputs.push(output)
        }
        assert.ok(project.locked().some((each) => each.startsWith('other/tool@')))
        return outputs.join('')
      } finally {
        project.remove()
      }
    },
    close: service.close,
  }
}

forEachComposer('names that are not here', open, (test) => {
  for (const pin of ['', '/at/2026-05-01']) {
    test(`cost no line of what is printed, at "${pin}"`, async ({ printed }) => {
      const update = ['update', '--no-install', '--no-audit']
      const output = await printed(pin, update, ['show', '--all', 'other/tool'])
      assert.not.match(output, /Warning from|isn't known|upstream had no/)
    })
  }
})

describe('the 404 of a name that is not here', startService, (test) => {
  test('has words for who asks by hand, none of which Composer prints', async ({ get }) => {
    for (const path of ['/p2/acme/message-implementation.json', '/p2/Not/A-Name.json']) {
      for (const pin of ['', '/at/2026-05-01']) {
        const answer = await get(pin + path)
        assert.is(answer.statusCode, 404)
        const body = JSON.parse(answer.body.toString()) as Record<string, unknown>
        assert.equal(Object.keys(body), ['status', 'message'])
      }
    }
  })
})
