import * as assert from 'uvu/assert'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { composerProject } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { openPublishing, packageZip } from '../support/publishing.ts'
import { issueToken } from '../support/tokens.ts'

/** A service whose clock is the real one, which is Composer's. */
async function open({ run }: Composer) {
  const service = await openPublishing({ at: `${new Date().toISOString().slice(0, 19)}Z` })
  const { put, url } = service
  const zip = (name: string) => packageZip({ name, version: '1.0.0', description: 'Ours' })
  await put('own/new/1.0.0', zip('own/new'))
  await put('own/old/1.0.0?published-at=2020-05-01T12:00:00Z', zip('own/old'))
  const { token } = await issueToken(service, { grants: [{ scope: 'read' }] })
  return {
    ...service,
    update: async (name: string) => {
      const project = composerProject({
        repository: url,
        require: { [name]: '^1.0' },
        extra: { config: { 'secure-http': false, policy: { cooldown: { period: '7 days' } } } },
      })
      const auth = JSON.stringify({ bearer: { [new URL(url).host]: token } })
      writeFileSync(path.join(project.directory, 'auth.json'), auth)
      const { code, output } = await run(['update'], { directory: project.directory })
      const locked = code === 0 ? project.locked().map((each) => each.split('#')[0]) : []
      project.remove()
      return { code, output, locked }
    },
  }
}

forEachComposer({ name: "Composer's cooldown", since: '2.11' }, open, (test) => {
  test('holds back what was published here a moment ago', async ({ update }) => {
    const { code, output } = await update('own/new')
    assert.is.not(code, 0, output)
    assert.match(output, 'cooldown')
  })

  test('lets pass what another registry published long ago', async ({ update }) => {
    const { output, locked } = await update('own/old')
    assert.equal(locked, ['own/old@1.0.0'], output)
  })
})
