import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { request } from 'node:http'
import * as assert from 'uvu/assert'
import { startAlmanac } from '../support/almanac.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { freePort } from '../support/free-port.ts'
import { signalQuietly } from '../support/processes.ts'
import { describe, eventually, rejection } from '../support/suite.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { startStubUpstream } from '../support/upstream.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** A start that is expected to end by itself. */
async function runToEnd(env: Readonly<Record<string, string>>): Promise<{
  readonly code: number | null
  readonly output: string
}> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    cwd: project,
    env: { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  const output = (await Promise.all([text(child.stdout), text(child.stderr)])).join('')
  const [code] = (await exited) as [number | null] // the first argument of the event
  return { code, output }
}

async function open() {
  const upstream = await startStubUpstream()
  const directory = temporaryDirectory('almanac-data')
  return {
    upstream,
    directory,
    async close() {
      removeDirectory(directory)
      await upstream.close()
    },
  }
}

describe('npm start', open, (test) => {
  test('shows the URL, what to paste, and a token that is shown only once', async ({
    upstream,
    directory,
  }) => {
    const options = { upstream: upstream.url, dataDirectory: directory, env: { ADMIN_TOKEN: '' } }
    const first = await startAlmanac(options)
    await eventually('the banner is there', () => first.output().includes('almanac_admin_'))
    assert.match(first.output(), `"url": "${first.url}"`)
    assert.not.match(first.output(), 'for trying out')
    assert.is(await first.stop(), 0)
    const second = await startAlmanac({ ...options, env: { ADMIN_TOKEN: '', PUBLIC_URL: '' } })
    const trial = 'locks made now will name 127.0.0.1; set PUBLIC_URL before you commit one.'
    await eventually('the banner is there', () => second.output().includes('composer.json:'))
    assert.match(second.output(), `is ready.\n\nIt is for trying out: ${trial}\n`)
    assert.not.match(second.output(), 'almanac_admin_')
    assert.is(await second.stop(), 0)
  })

  test('a second start on the same DATA_DIR says why it will not, and harms nothing', async ({
    upstream,
    directory,
  }) => {
    const running = await startAlmanac({ upstream: upstream.url, dataDirectory: directory })
    const { code, output } = await runToEnd({
      DATA_DIR: directory,
      PORT: String(await freePort()),
    })
    assert.is(code, 1)
    assert.match(output, /Another Almanac \(process \d+\) already runs/)
    assert.is((await fetch(`${running.url}/readyz`)).status, 200)
    assert.is(await running.stop(), 0)
  })

  test('SIGTERM lets a request under way end before it ends itself', async ({
    upstream,
    directory,
  }) => {
    const running = await startAlmanac({ upstream: upstream.url, dataDirectory: directory })
    const gate = upstream.hold(/acme\/log\.json/)
    const answer = new Promise<number>((resolve, reject) => {
      const asked = request(`${running.url}/p2/acme/log.json`, (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      })
      asked.on('error', reject).end()
    })
    await gate.arrived
    const stopped = running.stop()
    await eventually('it takes no new connections', async () => {
      return await fetch(`${running.url}/livez`).then(
        () => false,
        () => true,
      )
    })
    gate.release()
    assert.is(await answer, 200)
    assert.is(await stopped, 0)
  })

  /** A service that was told to end, with a request for a document under way that it waits for. */
  async function ending(
    { upstream, directory }: Awaited<ReturnType<typeof open>>,
    document: string,
  ) {
    const running = await startAlmanac({ upstream: upstream.url, dataDirectory: directory })
    const gate = upstream.hold(new RegExp(`${document}\\.json`))
    const answer = fetch(`${running.url}/p2/${document}.json`).then(({ status }) => status)
    await gate.arrived
    const stopped = running.stop()
    await eventually('it was told', async () => running.output().includes('stopping:'))
    return { running, gate, answer, stopped }
  }

  test('SIGTERM that comes twice at once, as through npm, is one', async (rig) => {
    const { running, gate, answer, stopped } = await ending(rig, 'acme/http')
    process.kill(running.pid, 'SIGTERM')
    gate.release()
    assert.is(await answer, 200)
    assert.is(await stopped, 0)
    assert.not.ok(existsSync(path.join(rig.directory, 'postgresql', 'postmaster.pid')))
  })

  test('SIGTERM that comes again later ends it at once', async (rig) => {
    const { running, gate, answer, stopped } = await ending(rig, 'acme/mailer')
    const cut = rejection(answer)
    let code: number | null | undefined
    void stopped.then((ended) => (code = ended))
    await eventually('it ended', async () => {
      signalQuietly(running.pid, 'SIGTERM')
      return code !== undefined
    })
    assert.is(code, 1)
    assert.instance(await cut, Error)
    gate.release()
    await running.close()
  })

  test('SIGTERM in the middle of the start leaves nothing running either', async ({
    upstream,
    directory,
  }) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
      cwd: project,
      env: {
        PATH: process.env['PATH'],
        TMPDIR: process.env['TMPDIR'],
        DATA_DIR: directory,
        PORT: String(await freePort()),
        PROXY_PACKAGIST_URL: upstream.url,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const exited = once(child, 'exit')
    for await (const line of child.stderr) {
      if (String(line).includes('PostgreSQL is ready')) child.kill('SIGTERM')
    }
    assert.equal(await exited, [0, null])
    assert.not.ok(existsSync(path.join(directory, 'postgresql', 'postmaster.pid')))
  })

  test('an address that is taken is one sentence and exit code 1', async ({
    upstream,
    directory,
  }) => {
    const { port } = new URL(upstream.url)
    const before = readdirSync(directory)
    const { code, output } = await runToEnd({ DATA_DIR: directory, PORT: port })
    assert.is(code, 1)
    assert.match(output, new RegExp(`^almanac: [^\n]*${port}[^\n]*PORT[^\n]*\n$`))
    assert.equal(readdirSync(directory), before)
  })
})

describe('settings that cannot work', open, (test) => {
  test('all mistakes are named at once, none with its value', async () => {
    const { code, output } = await runToEnd({
      PORT: 'secret-port',
      PROXY_METADATA_TTL: '-1',
      HOST: '0.0.0.0',
    })
    assert.is(code, 1)
    for (const name of ['PORT', 'PROXY_METADATA_TTL', 'PUBLIC_URL']) assert.match(output, name)
    assert.not.match(output, 'secret-port')
  })

  const password = 'hunter2hunter2'
  for (const [what, databaseUrl] of [
    ['a port on which nobody listens', `postgres://almanac:${password}@127.0.0.1:1/almanac`],
    ['a host that does not exist', `postgres://almanac:${password}@no-such-host.invalid/almanac`],
    ['a database that does not exist', 'no such database'],
  ] as const) {
    test(`DATABASE_URL with ${what}: one sentence, no password, exit code 1`, async ({
      directory,
    }) => {
      const missing = new URL(process.env['TEST_DATABASE_URL'] ?? '')
      missing.pathname = '/no_such_database'
      const { code, output } = await runToEnd({
        DATA_DIR: directory,
        PORT: String(await freePort()),
        DATABASE_URL: databaseUrl === 'no such database' ? missing.href : databaseUrl,
      })
      assert.is(code, 1)
      assert.match(output, /^almanac: DATABASE_URL: [^\n]*Check[^\n]*\n$/)
      assert.not.match(output, password)
      assert.not.match(output, /^\s+at /m)
    })
  }

  test('options in DATABASE_URL are kept beside our own', async ({ upstream, directory }) => {
    const database = await createTestDatabase()
    const url = new URL(database.url)
    url.searchParams.set('options', '-c work_mem=8MB')
    const running = await startAlmanac({
      upstream: upstream.url,
      dataDirectory: directory,
      databaseUrl: url.href,
    })
    assert.is((await fetch(`${running.url}/p2/acme/log.json`)).status, 200)
    assert.is(await running.stop(), 0)
    await database.close()
  })

  test('an unknown PROXY_ setting is warned of', async ({ upstream, directory }) => {
    const running = await startAlmanac({
      upstream: upstream.url,
      dataDirectory: directory,
      env: { PROXY_METADATA_TTTL: '5' },
    })
    assert.match(running.output(), /PROXY_METADATA_TTTL.*PROXY_METADATA_TTL/)
    assert.is(await running.stop(), 0)
  })
})
