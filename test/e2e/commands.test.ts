import * as assert from 'uvu/assert'
import { type ComposerProject, composerProject } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { freePort } from '../support/free-port.ts'
import { startService } from '../support/service.ts'

/** Run one after the other in the same project. */
const commands: readonly (readonly string[])[] = [
  ['update'],
  ['outdated', '--format=json'],
  ['show', '--all', 'beta/text'],
  ['show', '--latest', '--format=json'],
  ['show', '--available', 'acme/*'],
  ['search', 'text'],
  ['search', '--only-name', 'acme'],
  ['search', '--only-vendor', 'be'],
  ['search', '--type=metapackage', 'acme'],
  ['audit', '--format=json'],
  ['prohibits', 'acme/log', '2.1.0'],
  ['why-not', 'acme/message-implementation', '1.0'],
  ['fund'],
  ['require', 'acme/clock'],
  ['require', 'acme/nothing'],
  ['require', 'acme/message-implementation'],
  ['update', 'acme/log', '--with', 'acme/log:1.1.0'],
  ['update', '--lock'],
  ['update', 'mirrors'],
  ['reinstall', 'beta/text'],
  ['remove', 'acme/clock'],
  ['create-project', 'beta/text', 'made'],
]

async function open({ run }: Composer) {
  const port = await freePort()
  const settings = { PORT: `${port}`, PUBLIC_URL: `http://127.0.0.1:${port}` }
  const service = await startService({ settings })
  const projects = [service.upstream.url, service.url].map((repository) => ({
    repository,
    ...composerProject({
      repository,
      require: { 'acme/http': '^1.0', 'acme/messages': '^1.0', 'acme/old-mailer': '*' },
      extra: { 'require-dev': { 'beta/text': '^1.0' } },
    }),
  }))
  const hosts = projects.map(({ repository }) => new URL(repository).host)
  /** What is printed, in any order, since archives come in any; without what differs in each project. */
  const linesOf = (output: string, { directory }: ComposerProject): readonly string[] =>
    [directory, ...hosts]
      .reduce((text, name) => text.replaceAll(name, '…'), output)
      .split('\n')
      .toSorted()
  return {
    /** What a command does at upstream itself, and here. */
    both: async (args: readonly string[]) => {
      const seen = []
      for (const project of projects) {
        const repository = JSON.stringify({ type: 'composer', url: project.repository })
        const isNew = args[0] === 'create-project'
        const { code, output } = await run(
          [...args, ...(isNew ? [`--repository=${repository}`] : [])],
          project,
        )
        seen.push({ code, lines: linesOf(output, project), locked: project.locked() })
      }
      return seen
    },
    async close() {
      for (const project of projects) project.remove()
      await service.close()
    },
  }
}

forEachComposer('commands', open, (test) => {
  for (const args of commands) {
    test(`give what they give at upstream itself: ${args.join(' ')}`, async ({ both }) => {
      const [there, here] = await both(args)
      assert.equal(here, there)
    })
  }
})
