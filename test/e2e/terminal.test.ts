import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import * as assert from 'uvu/assert'
import { startAlmanac } from '../support/almanac.ts'
import { freePort } from '../support/free-port.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe, eventually, skipSuite } from '../support/suite.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { noTerminal, type OnTerminal, startOnTerminal } from '../support/terminal.ts'
import { startStubUpstream } from '../support/upstream.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))
const ctrlC = '\x03'
const clearLine = '\r\x1b[2K'
/** The same of npm's spinner. */
const npmClearsLine = '\x1b[1G\x1b[0K'
const dim = '\x1b[2m'
const prettyLine = /^\d\d:\d\d:\d\d\.\d{3}Z {2}(?:info|warn|error) /

async function open() {
  const upstream = await startStubUpstream()
  const directory = temporaryDirectory('almanac-data')
  return {
    upstream,
    directory,
    /** `npm start` as somebody at a terminal would have it. */
    start: async (env: Readonly<Record<string, string>>, command = 'npm start') => {
      return startOnTerminal(command, {
        directory: project,
        env: {
          PATH: process.env['PATH'],
          HOME: process.env['HOME'],
          TMPDIR: process.env['TMPDIR'],
          PORT: String(await freePort()),
          PROXY_PACKAGIST_URL: upstream.url,
          DATA_DIR: directory,
          ...env,
        },
      })
    },
    async close() {
      removeDirectory(directory)
      await upstream.close()
    },
  }
}

/** What somebody sees of it in the end, by lines. */
function seen({ output }: OnTerminal): readonly string[] {
  return output()
    .replaceAll(npmClearsLine, clearLine)
    .split('\n')
    .map((line) => stripVTControlCharacters(line.split(clearLine).at(-1) ?? ''))
}

async function ready(terminal: OnTerminal): Promise<void> {
  await eventually('it is ready', () => terminal.output().includes('composer.json:'), {
    timeoutMs: 60_000,
  })
}

/** What was seen from then on. */
async function interrupt(terminal: OnTerminal): Promise<readonly string[]> {
  const before = terminal.output().length
  terminal.type(ctrlC)
  assert.is(await terminal.exited, 0)
  return seen({ ...terminal, output: () => terminal.output().slice(before) })
}

function define(): void {
  describe('npm start on a terminal', open, (test) => {
    test('shows in colour how far the first start is, then the token below all lines, and at last that it has stopped', async ({
      start,
      directory,
    }) => {
      const terminal = await start({})
      await ready(terminal)
      await eventually('the token is there', () => terminal.output().includes('almanac_admin_'))
      const output = terminal.output()
      assert.match(
        output,
        `making the database  [${'>'.padStart(9, '=').padEnd(24)}] 33 %  1 of 3${clearLine}`,
      )
      assert.match(output, 'bringing the tables up to date  [')
      assert.match(output, dim)
      const lines = seen(terminal)
      const banner = lines.findIndex((line) => line.endsWith(' is ready.'))
      const database = lines.findIndex((line) => line.includes('PostgreSQL is ready'))
      assert.ok(database > 0 && database < banner, lines.join('\n'))
      assert.match(lines[database] ?? '', prettyLine)
      assert.not.ok(lines.some((line) => line.startsWith('{"') || line.includes('%')))
      const rest = await interrupt(terminal)
      const said = rest.filter((line) => line.trim() !== '')
      assert.match(said.at(-1) ?? '', / {2}stopped$/, said.join('\n'))
      assert.not.match(said.join('\n'), 'database connection lost')
      assert.not.ok(existsSync(path.join(directory, 'postgresql', 'postmaster.pid')))
    })

    test('ends a first start by Ctrl-C without a token, and the next one finds nothing of it; without colours for NO_COLOR', async ({
      start,
    }) => {
      const directory = temporaryDirectory('almanac-data')
      const unfinished = () =>
        readdirSync(directory).filter(
          (name) => name.includes('unfinished') || name === 'postgresql',
        )
      const terminal = await start({ DATA_DIR: directory })
      await eventually('the database is being made', () => unfinished().length > 0)
      const rest = await interrupt(terminal)
      const said = rest.filter((line) => line.trim() !== '')
      assert.match(said.at(-1) ?? '', / {2}stopped$/, terminal.output())
      assert.not.match(terminal.output(), /is ready\.|almanac_admin|initdb/)
      const next = await start({ DATA_DIR: directory, NO_COLOR: '1' })
      await ready(next)
      assert.equal(unfinished(), ['postgresql'])
      assert.ok(seen(next).some((line) => prettyLine.test(line)))
      assert.not.match(next.output(), dim)
      await interrupt(next)
    })

    test('has JSON lines with LOG_FORMAT=json, and no bar', async ({ start }) => {
      const { url: DATABASE_URL, close } = await createTestDatabase()
      // Not through npm, whose own spinner clears its line.
      const command = `${process.execPath} --import tsx src/main.ts`
      const terminal = await start({ DATABASE_URL, LOG_FORMAT: 'json' }, command)
      await ready(terminal)
      await eventually('upstream was asked', () => terminal.output().includes('upstream request'))
      await interrupt(terminal)
      const lines = terminal.output().split('\n')
      assert.ok(lines.filter((line) => line.startsWith('{"level":')).length > 1)
      assert.not.match(terminal.output(), '\x1b')
      await close()
    })
  })
}

const problem = noTerminal()
if (problem === undefined) define()
else skipSuite('npm start on a terminal', problem)

describe('LOG_FORMAT=pretty', open, (test) => {
  test('is for people in a file too, without colours', async ({ upstream, directory }) => {
    const options = { upstream: upstream.url, dataDirectory: directory }
    const almanac = await startAlmanac({ ...options, env: { LOG_FORMAT: 'pretty' } })
    await eventually('upstream was asked', () => almanac.output().includes('upstream request'))
    assert.is(await almanac.stop(), 0)
    const lines = almanac.output().split('\n')
    assert.not.ok(lines.some((line) => line.startsWith('{"level":')))
    assert.match(lines.findLast((line) => line !== '') ?? '', / {2}stopped$/)
    await almanac.close()
  })
})
