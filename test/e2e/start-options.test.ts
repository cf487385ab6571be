import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { settingDefaults, settingNames } from '../../src/config.ts'
import { openDatabase } from '../../src/database/client.ts'
import { version } from '../../src/version.ts'
import { startAlmanac } from '../support/almanac.ts'
import { freePort } from '../support/free-port.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { startProcess } from '../support/processes.ts'
import { describe } from '../support/suite.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { startStubUpstream } from '../support/upstream.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))

async function open() {
  const upstream = await startStubUpstream()
  const directory = temporaryDirectory('almanac-data')
  return {
    upstream,
    directory,
    /** What it wrote, and its exit code. */
    run: async (option: string, env: Readonly<Record<string, string>> = {}) => {
      const started = startProcess('npm', ['start', '--silent', '--', option], {
        directory: project,
        env: {
          PATH: process.env['PATH'],
          HOME: process.env['HOME'],
          TMPDIR: process.env['TMPDIR'],
          PORT: String(await freePort()),
          PROXY_PACKAGIST_URL: upstream.url,
          DATA_DIR: path.join(directory, 'not', 'yet'),
          ...env,
        },
      })
      const { code } = await started.exited
      await started.closed
      return { code, output: started.output() }
    },
    async close() {
      removeDirectory(directory)
      await upstream.close()
    },
  }
}

/** What a look at `what` found. */
function found(output: string, what: string): string | undefined {
  return output.split('\n').find((line) => line.slice(6).startsWith(what))
}

describe('npm start --', open, (test) => {
  test('--help has every setting with its default, and no value', async ({ run }) => {
    const { code, output } = await run('--help', { ADMIN_TOKEN: 'a-secret-of-ours-16' })
    assert.is(code, 0)
    for (const name of settingNames.filter((each) => each !== 'EVENTSTORE_URL')) {
      const line = output.split('\n').find((each) => each.startsWith(`  ${name} `))
      const value = settingDefaults.get(name) ?? ''
      const shown = Array.isArray(value) ? '' : JSON.stringify(value).replaceAll('"', '')
      assert.match(line ?? '', shown, name)
    }
    assert.match(output, /^ {2}PROXY_METADATA_TTL {2,}seconds that .* \[3600\]$/m)
    assert.not.match(output, 'a-secret')
  })

  test('--version says which release it is', async ({ run }) => {
    assert.equal(await run('--version'), { code: 0, output: `almanac ${version}\n` })
  })

  test('anything else is refused in a sentence', async ({ run }) => {
    const { code, output } = await run('--chek')
    assert.is(code, 1)
    assert.match(output, /^almanac: The only options are --help, .*\n$/)
  })
})

describe('npm start -- --check', open, (test) => {
  test('looks at everything that a first start needs, and makes nothing', async ({
    run,
    directory,
    upstream,
  }) => {
    const { code, output } = await run('--check')
    assert.is(code, 0, output)
    assert.match(found(output, 'settings') ?? '', /^ok .* PROXY_PACKAGIST_URL.*PORT, DATA_DIR/)
    assert.match(found(output, 'port') ?? '', /^ok .*127\.0\.0\.1:\d+ is free/)
    assert.match(found(output, 'disk') ?? '', /^(?:ok|warn) .* GiB are free/)
    assert.match(
      found(output, 'database') ?? '',
      /^ok .*embedded PostgreSQL 18, which a first start/,
    )
    assert.match(found(output, 'upstream') ?? '', `${upstream.url} answers`)
    assert.match(output, 'A start would work.')
    assert.equal(readdirSync(directory), [])
  })

  test('says of each thing that is wrong what to do, and exits with 1', async ({
    run,
    upstream,
  }) => {
    const { port } = new URL(upstream.url)
    const { code, output } = await run('--check', {
      PORT: port,
      DATA_DIR: '/proc/almanac',
      DATABASE_URL: 'postgres://almanac:hunter2hunter2@127.0.0.1:1/almanac',
      PROXY_PACKAGIST_URL: 'http://127.0.0.1:1',
      PROXY_METADATA_TTTL: '5',
    })
    assert.is(code, 1)
    assert.match(found(output, 'settings') ?? '', /^warn /)
    assert.match(output, /did you mean PROXY_METADATA_TTL\?/)
    assert.match(found(output, 'port') ?? '', /^FAIL .*EADDRINUSE.*Set HOST and PORT/)
    assert.match(found(output, 'disk') ?? '', /^FAIL .*Set DATA_DIR/)
    assert.match(found(output, 'database') ?? '', /^FAIL .*DATABASE_URL: no connection.*Check/)
    assert.match(found(output, 'upstream') ?? '', /^FAIL .*127\.0\.0\.1:1 could not be reached/)
    assert.match(output, '4 of 5 failed.')
    assert.not.match(output, 'hunter2')
    assert.not.match(output, /^\s+at /m)
  })

  test('shows nothing that acts on the terminal, whoever says it', async ({ run }) => {
    const text = '\x07\bowned\x9b2J'
    const fields = Buffer.from(`SERROR\0C28000\0M${text}\0\0`)
    const head = Buffer.alloc(5, 'E')
    head.writeInt32BE(fields.length + 4, 1)
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end(Buffer.concat([head, fields])))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo // as it listens on a port
    const DATABASE_URL = `postgres://a@127.0.0.1:${port}/a?sslmode=disable`
    for (const option of ['--check', '--']) {
      const { code, output } = await run(option, { DATABASE_URL })
      assert.is(code, 1)
      assert.match(output, 'no connection to PostgreSQL (owned2J)')
      assert.not.match(output, /(?!\n)\p{Cc}/u)
    }
    server.close()
  })

  test('ends with the settings when those are wrong', async ({ run }) => {
    const { code, output } = await run('--check', { PORT: 'x', LOG_FORMAT: 'xml' })
    assert.is(code, 1)
    assert.match(
      output,
      /^FAIL {2}settings.*\n +PORT must be.*\n +LOG_FORMAT must be one of json, pretty\.\n$/,
    )
  })

  test('knows an Almanac that runs here already', async ({ run, upstream, directory }) => {
    const running = await startAlmanac({ upstream: upstream.url, dataDirectory: directory })
    const { code, output } = await run('--check', { DATA_DIR: directory, PORT: `${running.port}` })
    assert.is(code, 0, output)
    assert.match(found(output, 'port') ?? '', /^warn .*by the Almanac that runs here/)
    assert.match(found(output, 'database') ?? '', `(process ${running.pid})`)
    assert.is((await fetch(`${running.url}/readyz`)).status, 200)
    assert.is(await running.stop(), 0)
  })

  test('tells tables of this release from none, older and newer ones', async ({ run }) => {
    const { url: DATABASE_URL, close } = await createTestDatabase()
    const { db } = openDatabase({
      connectionString: DATABASE_URL,
      logger: pino({ level: 'silent' }),
    })
    const look = async () =>
      found((await run('--check', { DATABASE_URL })).output, 'database') ?? ''
    assert.match(await look(), /^ok .* with the tables of this release$/)
    await sql`delete from kysely_migration where name > '0009'`.execute(db)
    assert.match(await look(), /^ok .* a start updates: \d steps$/)
    await sql`insert into kysely_migration values ('9999_later', '')`.execute(db)
    assert.match(await look(), /^FAIL .*newer release \(9999_later\)/)
    await sql`drop table kysely_migration`.execute(db)
    assert.match(await look(), /^ok .* without tables/)
    await db.destroy()
    await close()
  })
})
