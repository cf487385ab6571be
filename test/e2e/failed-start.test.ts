import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { freePort } from '../support/free-port.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { processesOf, startProcess } from '../support/processes.ts'
import { describe, eventually } from '../support/suite.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { startStubUpstream } from '../support/upstream.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))

async function open() {
  const upstream = await startStubUpstream()
  const directory = temporaryDirectory('almanac-data')
  return {
    directory,
    start: async (env: Readonly<Record<string, string>>) =>
      startProcess(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
        directory: project,
        env: {
          PATH: process.env['PATH'],
          TMPDIR: process.env['TMPDIR'],
          PORT: String(await freePort()),
          PROXY_PACKAGIST_URL: upstream.url,
          ...env,
        },
      }),
    async close() {
      removeDirectory(directory)
      await upstream.close()
    },
  }
}

const kinds: ReadonlyMap<string, (directory: string) => string> = new Map<
  string,
  (directory: string) => string
>([
  ['below /proc', () => '/proc/almanac'],
  ['deep below /proc', () => '/proc/almanac/not/yet'],
  ['that is /proc', () => '/proc'],
  ['below /sys', () => '/sys/almanac'],
  ['that is a file', (directory) => path.join(directory, 'file')],
  ['below a file', (directory) => path.join(directory, 'file', 'data')],
  ['with a name that is too long', (directory) => path.join(directory, 'x'.repeat(256))],
  ['with a path that is too long', (directory) => path.join(directory, 'x/'.repeat(4000))],
])

describe('a start', open, (test) => {
  for (const [kind, pathIn] of kinds) {
    test(`with a DATA_DIR ${kind} is one sentence and exit code 1`, async ({
      start,
      directory,
    }) => {
      writeFileSync(path.join(directory, 'file'), '')
      const { exited, closed, output } = await start({ DATA_DIR: pathIn(directory) })
      const { code } = await exited
      await closed
      assert.is(code, 1)
      const sentence =
        /^almanac: DATA_DIR can't be made or written to \([^\n]*\)\. Set it to a directory [^\n]*\n$/
      assert.match(output(), sentence)
    })
  }

  test('with a DATABASE_URL looks at DATA_DIR too', async ({ start }) => {
    const { url: DATABASE_URL, close } = await createTestDatabase()
    const { exited, output } = await start({ DATABASE_URL, DATA_DIR: '/proc' })
    assert.is((await exited).code, 1)
    assert.match(output(), /^almanac: DATA_DIR can't be made or written to/)
    await close()
  })
})

describe('a first start that a signal ends', open, (test) => {
  const moments: ReadonlyMap<string, (data: string) => boolean> = new Map<
    string,
    (data: string) => boolean
  >([
    ['while the database is made', (data) => namesIn(data).some((name) => /unfinished/.test(name))],
    [
      'while PostgreSQL starts',
      (data) => existsSync(path.join(data, 'postgresql', 'postmaster.pid')),
    ],
    ['while tables are made', (data) => namesIn(data).includes('staging')],
  ])
  for (const [moment, isReached] of moments) {
    test(`${moment} stops without a word of being ready, and leaves nothing running`, async ({
      start,
      directory,
    }) => {
      const data = path.join(directory, String(moments.size), moment.replaceAll(' ', '-'))
      mkdirSync(data, { recursive: true, mode: 0o711 })
      const { signal, exited, closed, output } = await start({ DATA_DIR: data })
      await eventually('that is so', () => isReached(data), { timeoutMs: 60_000 })
      signal('SIGINT')
      assert.is((await exited).code, 0, output())
      await closed
      assert.not.match(output(), /is ready\.|almanac_admin|"level":(?:40|50|60)/)
      assert.match(output(), /"msg":"stopped"/)
      await eventually('nothing is left', () => processesOf(data).length === 0)
    })
  }
})

function namesIn(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : []
}
