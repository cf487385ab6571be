import { once } from 'node:events'
import { symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { version } from '../../src/version.ts'
import { adminToken } from '../support/api.ts'
import { startProcess } from '../support/processes.ts'
import { openPublishing, packageZip, publications } from '../support/publishing.ts'
import { describe } from '../support/suite.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const launcher = fileURLToPath(new URL('../../src/almanac.cjs', import.meta.url))

async function open() {
  const service = await openPublishing()
  const directory = temporaryDirectory('shell')
  // As `npm link` makes it; and the settings of another project, which are nothing to this one.
  const linked = path.join(directory, 'almanac')
  symlinkSync(launcher, linked)
  writeFileSync(path.join(directory, 'tsconfig.json'), '{ broken')
  const settings = { ALMANAC_URL: service.url, ALMANAC_TOKEN: adminToken }
  return {
    ...service,
    save: (name: string, body: Buffer) => writeFileSync(path.join(directory, name), body),
    /** What it wrote, by lines, and its exit code. */
    run: async (args: readonly string[], env: Readonly<Record<string, string>> = settings) => {
      const started = startProcess(process.execPath, [linked, ...args], {
        directory,
        env: { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], ...env },
      })
      const { code } = await started.exited
      await started.closed
      return { code, output: started.output().trim() }
    },
  }
}

describe('almanac publish', open, (test) => {
  test('takes name and version from composer.json, and says what became of it', async (world) => {
    const { run, save, served } = world
    save('a.zip', packageZip({ name: 'own/log', version: '1.0.0' }))
    save('b.zip', packageZip({ name: 'own/log', version: 'dev-feature/x' }, 'b'))
    const { code, output } = await run(['publish', 'a.zip', 'b.zip'])
    assert.is(code, 0, output)
    const lines = output.split('\n')
    for (const line of [
      /^own\/log 1\.0\.0 published sha256:[0-9a-f]{64}$/,
      /^own\/log dev-feature\/x published /,
      /^warning: .*\/metrics/,
    ]) {
      assert.is(lines.filter((one) => line.test(one)).length, 1, output)
    }
    assert.match((await run(['publish', 'a.zip'])).output, /^own\/log 1\.0\.0 unchanged /)
    assert.equal(await served('own/log', 'branches'), ['dev-feature/x'])
  })

  test('takes them from the command line, too', async (world) => {
    const { run, save, get } = world
    save('a.zip', packageZip({ name: 'acme/own' }))
    await get('/p2/acme/log.json')
    const args = ['publish', 'a.zip', '--package', 'acme/own', '--version', '2.0.0']
    const refused = await run(args)
    assert.is(refused.code, 1)
    assert.match(refused.output, /^a\.zip: acme has public packages/)
    const { code, output } = await run([...args, '--claim', '--url', `${world.url}/`])
    assert.is(code, 0, output)
    const event = (await publications(world)).at(-1)
    assert.is(event?.type === 'PrivateVersionPublished' && event.data.claimed, true)
  })

  test('says what is wrong in the server’s words, and goes on with the others', async (world) => {
    const { run, save } = world
    save('bad.zip', packageZip({ name: 'own/log', version: '3.0.0', require: { php: 'x y' } }))
    save('good.zip', packageZip({ name: 'own/log', version: '3.0.1' }))
    const { code, output } = await run(['publish', 'bad.zip', 'good.zip', 'missing.zip'])
    assert.is(code, 1)
    assert.match(
      output,
      "bad.zip: this can't be published: of its composer.json: `require.php` must",
    )
    assert.match(output, 'own/log 3.0.1 published')
    assert.match(output, 'missing.zip: there is no such file')
  })

  for (const [what, args, env, says] of [
    ['a token on the command line', ['publish', 'a.zip', '--token', 'x'], undefined, 'others'],
    ['no token', ['publish', 'a.zip'], { ALMANAC_URL: 'http://127.0.0.1:1' }, 'ALMANAC_TOKEN'],
    ['no URL', ['publish', 'a.zip'], { ALMANAC_TOKEN: 'x' }, 'ALMANAC_URL'],
    ['no zip', ['publish'], undefined, 'name the zips'],
    ['options only', ['--claim'], undefined, 'name a command'],
    ['another command', ['serve'], undefined, 'no command serve'],
    ['another option', ['publish', 'a.zip', '--force'], undefined, 'usage:'],
    ['one version for two zips', ['publish', 'a', 'b', '--version', '1'], undefined, 'for one zip'],
  ] as const) {
    test(`refuses ${what}`, async ({ run }) => {
      const { code, output } = await run(args, env)
      assert.is(code, 1)
      assert.match(output, says)
    })
  }

  test('says so when the token is wrong, or nobody answers', async ({ run, save, url }) => {
    save('a.zip', packageZip({ name: 'own/log', version: '9.0.0' }))
    const wrong = await run(['publish', 'a.zip'], { ALMANAC_URL: url, ALMANAC_TOKEN: 'wrong' })
    assert.is(wrong.code, 1)
    assert.match(wrong.output, 'a.zip: send the header')
    const nobody = { ALMANAC_URL: 'http://127.0.0.1:1', ALMANAC_TOKEN: 'x' }
    assert.match((await run(['publish', 'a.zip'], nobody)).output, "can't be reached")
  })

  test('shows nothing that acts on the terminal, whatever the server says', async (world) => {
    const server = createServer((_, response) => {
      response.writeHead(409, { connection: 'close' })
      response.end(JSON.stringify({ detail: 'no\x07\b\x9b2J\u202Eway' }))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo // as it listens on a port
    world.save('a.zip', packageZip({ name: 'own/log', version: '9.0.0' }))
    const env = { ALMANAC_URL: `http://127.0.0.1:${port}`, ALMANAC_TOKEN: 'x' }
    assert.is((await world.run(['publish', 'a.zip'], env)).output, 'a.zip: no2Jway')
    server.close()
  })

  test('explains itself', async ({ run }) => {
    const { code, output } = await run(['--help'], {})
    assert.is(code, 0)
    assert.match(output, 'usage: almanac publish')
    assert.equal(await run([], {}), { code: 2, output })
  })

  test('says which release it is', async ({ run }) => {
    assert.equal(await run(['--version'], {}), { code: 0, output: `almanac ${version}` })
  })
})
