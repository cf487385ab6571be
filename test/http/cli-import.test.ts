import { once } from 'node:events'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { adminToken } from '../support/api.ts'
import { startProcess } from '../support/processes.ts'
import { openPublishing, packageZip } from '../support/publishing.ts'
import { describe } from '../support/suite.ts'
import { tar } from '../support/tar.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { noTerminal, startOnTerminal } from '../support/terminal.ts'

const launcher = fileURLToPath(new URL('../../src/almanac.cjs', import.meta.url))

async function open() {
  const service = await openPublishing()
  const directory = temporaryDirectory('import')
  const settings = { ALMANAC_URL: service.url, ALMANAC_TOKEN: adminToken }
  const environment = { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'] }
  return {
    ...service,
    save: (name: string, body: Buffer | string) => {
      const file = path.join(directory, name)
      mkdirSync(path.dirname(file), { recursive: true })
      writeFileSync(file, body)
    },
    link: (name: string, target: string) => symlinkSync(target, path.join(directory, name)),
    /** What it wrote, by lines, and its exit code. */
    run: async (args: readonly string[], env: Readonly<Record<string, string>> = settings) => {
      const started = startProcess(process.execPath, [launcher, 'import', ...args], {
        directory,
        env: { ...environment, ...env },
      })
      const { code } = await started.exited
      await started.closed
      return { code, output: started.output().trim() }
    },
    onTerminal: async (args: string) => {
      const started = startOnTerminal(`${process.execPath} ${launcher} import ${args}`, {
        directory,
        env: { ...environment, ...settings },
      })
      return { code: await started.exited, output: started.output() }
    },
  }
}

/** Asks a server of its own, which isn't Almanac. */
async function behind<Answer>(
  answer: RequestListener,
  ask: (env: Readonly<Record<string, string>>) => Promise<Answer>,
): Promise<Answer> {
  const server = createServer(answer).on('checkContinue', answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // as it listens on a port
  try {
    return await ask({ ALMANAC_URL: `http://127.0.0.1:${port}`, ALMANAC_TOKEN: 'x' })
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

describe('almanac import', open, (test) => {
  test('publishes all zips in a directory, with dates and versions in paths', async (world) => {
    const { run, save, link, served, show, get } = world
    const dates = { 'own/log': { '1.0.0': '2020-05-01T12:00:00Z' } }
    save('zips/own/log/1.0.0.zip', packageZip({ name: 'own/log' }))
    save('zips/a.zip', packageZip({ name: 'own/log', version: '1.1.0' }))
    save('zips/own/log/dev-a%2Fb.zip', packageZip({ name: 'own/log' }, 'b'))
    save('zips/notes.txt', 'no package')
    save('zips/dates.json', JSON.stringify(dates))
    link('zips/own/linked.zip', '/etc/passwd')
    const { code, output } = await run(['zips'])
    assert.is(code, 0, output)
    const lines = output.split('\n')
    assert.match(lines[0] ?? '', /^own\/log 1\.1\.0 published sha256:[0-9a-f]{64}$/)
    assert.is(lines.at(-1), '3 published')
    assert.is(lines.length, 4)
    assert.equal(await served('own/log', 'branches'), ['dev-a/b'])
    assert.equal((await show('own/log')).length, 3)
    const { body } = await get('/p2/own/log.json', { authorization: `Bearer ${adminToken}` })
    assert.match(body.toString(), '"published-time":"2020-05-01T12:00:00+00:00"')
    assert.match((await run(['zips'])).output, /\n3 unchanged$/)
  })

  test('sends a tar as it is, tells why some are refused, and exits with 1', async (world) => {
    const { run, save } = world
    save(
      'some.tar',
      tar([
        { path: 'bad.zip', content: packageZip({ name: 'own/log', version: '2.0.0', require: 1 }) },
        { path: 'good.zip', content: packageZip({ name: 'own/log', version: '2.0.1' }) },
        { path: 'notes.txt', content: 'none' },
      ]),
    )
    const { code, output } = await run(['some.tar'])
    assert.is(code, 1)
    assert.match(output, /^bad\.zip: this can't be published: of its composer\.json: /m)
    assert.match(output, /^own\/log 2\.0\.1 published /m)
    assert.match(output, /^1 published, 1 refused; 1 that are no \.zip were left alone$/m)
  })

  test('claims a vendor only when it is told to', async ({ run, save, get }) => {
    await get('/p2/acme/log.json')
    save('claims/a.zip', packageZip({ name: 'acme/own', version: '1.0.0' }))
    const refused = await run(['claims'])
    assert.is(refused.code, 1)
    assert.match(refused.output, 'a.zip: acme has public packages')
    assert.is((await run(['claims', '--claim'])).code, 0)
  })

  test('sends more than a connection holds', async ({ run, save }) => {
    const content = Buffer.alloc(3 * 1024 * 1024, 'x').toString()
    for (const version of ['3.0.0', '3.0.1', '3.0.2']) {
      save(`large/${version}.zip`, packageZip({ name: 'own/log', version }, content))
    }
    const { code, output } = await run(['large'])
    assert.is(code, 0, output)
    assert.match(output, '3 published')
  })

  test('says so when a tar is compressed, cut off or empty', async ({ run, save }) => {
    const whole = tar([{ path: 'a.zip', content: packageZip({ name: 'own/log' }) }])
    for (const [body, says] of [
      [Buffer.from('\x1f\x8bcompressed'.repeat(100), 'latin1'), 'not compressed'],
      [whole.subarray(0, 700), 'cut off'],
      [tar([]), 'nothing to publish'],
    ] as const) {
      save('odd.tar', body)
      const { code, output } = await run(['odd.tar'])
      assert.is(code, 1, output)
      assert.match(output, says)
    }
  })

  for (const [what, args, says] of [
    ['nothing', [], 'name one directory or tar'],
    ['two places', ['a', 'b'], 'name one directory or tar'],
    ['a place that is not there', ['nowhere'], /^almanac: there is no .*nowhere$/],
    ['a version', ['zips', '--version', '1'], 'for one zip'],
    ['a directory without zips', ['.empty'], 'there is no .zip in'],
  ] as const) {
    test(`refuses ${what}`, async ({ run, save }) => {
      save('.empty/notes.txt', 'none')
      const { code, output } = await run(args)
      assert.is(code, 1)
      assert.match(output, says)
    })
  }

  test('says so when the token is wrong, or nobody answers', async ({ run, save, url }) => {
    save('few/a.zip', packageZip({ name: 'own/log', version: '9.0.0' }))
    const wrong = await run(['few'], { ALMANAC_URL: url, ALMANAC_TOKEN: 'wrong' })
    assert.is(wrong.code, 1)
    assert.match(wrong.output, 'almanac: send the header')
    const nobody = await run(['few'], { ALMANAC_URL: 'http://127.0.0.1:1', ALMANAC_TOKEN: 'x' })
    assert.is(nobody.code, 1)
    assert.match(nobody.output, "can't be reached")
  })

  for (const [what, status, body, says] of [
    [
      'a body that the proxy allows not',
      413,
      '<html>',
      'the proxy in front allows no body of that size',
    ],
    ['a page', 200, '<html>\n', 'this is no answer to an import: <html>'],
    ['an answer without an end', 200, '', 'the connection broke off (the answer has no end)'],
    ['an error without words', 502, '<html>', 'answered with status 502'],
  ] as const) {
    test(`says what was answered: ${what}`, async ({ run, save }) => {
      save('few/a.zip', packageZip({ name: 'own/log', version: '9.0.0' }))
      save('few.tar', tar([{ path: 'a.zip', content: 'x' }]))
      for (const place of ['few', 'few.tar']) {
        const { code, output } = await behind(
          (_, response) => void response.writeHead(status).end(body),
          async (env) => await run([place], env),
        )
        assert.is(code, 1)
        assert.match(output, says)
      }
    })
  }

  test('says so when the connection breaks off under way', async ({ run, save }) => {
    const content = Buffer.alloc(8 * 1024 * 1024)
    save('long/a.tar', tar([{ path: 'a.zip', content }]))
    const { code, output } = await behind(
      (request) => void request.resume().once('data', () => request.socket.destroy()),
      async (env) => await run(['long/a.tar'], env),
    )
    assert.is(code, 1)
    assert.match(output, 'the connection broke off')
  })

  if (noTerminal() === undefined) {
    test('shows a bar on a terminal, and takes it away', async ({ onTerminal, save }) => {
      save('shown/a.zip', packageZip({ name: 'own/log', version: '4.0.0' }))
      const { code, output } = await onTerminal('shown')
      assert.is(code, 0, output)
      assert.match(output, /importing, KB {2}\[=+>? *\] \d+ %/)
      assert.match(output, /own\/log 4\.0\.0 published sha256:[0-9a-f]{64}\n/)
      assert.ok(output.endsWith('\r\x1b[2K1 published\n'), JSON.stringify(output))
    })
  }

  test('shows nothing that acts on the terminal, whatever the server says', async (world) => {
    world.save('few.tar', tar([{ path: 'a.zip', content: 'x' }]))
    const { output } = await behind(
      (_, response) =>
        void response.end(
          `${JSON.stringify({ entry: 'a\x1b[2J.zip', outcome: 'refused', detail: 'no\x07\u202Eway' })}\n`,
        ),
      async (env) => await world.run(['few.tar'], env),
    )
    assert.match(output, /^a\[2J\.zip: noway$/m)
  })
})
