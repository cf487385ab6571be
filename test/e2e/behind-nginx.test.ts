import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { got } from 'got'
import * as assert from 'uvu/assert'
import { startAlmanac } from '../support/almanac.ts'
import { adminToken } from '../support/api.ts'
import { composerProject, composerVersion, runComposer } from '../support/composer.ts'
import { blocksOf, filledIn } from '../support/documents.ts'
import { freePort } from '../support/free-port.ts'
import { authorityFile } from '../support/internet.ts'
import { noNginx, startNginx } from '../support/nginx.ts'
import { packageZip } from '../support/publishing.ts'
import { describe, skipSuite } from '../support/suite.ts'
import { tar } from '../support/tar.ts'
import { startStubUpstream } from '../support/upstream.ts'
import { zip } from '../support/zip.ts'

const certificate = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url))

const megabytes3 = 3 * 1024 * 1024

/** A zip that is larger than what nginx allows by itself. */
function largeZip(version: string): Buffer {
  return zip(
    [
      { path: 'composer.json', content: JSON.stringify({ name: 'own/large', version }) },
      { path: 'src/ballast.bin', content: Buffer.alloc(megabytes3, version) },
    ],
    { method: 'stored' },
  )
}

/** The configurations of the document: the server, what is beside it for a path, what is in it for a path. */
function configurations(place: {
  readonly ports: readonly [string, string]
  readonly behind: string
}) {
  const [server, map, pass] = blocksOf('docs/PROXY.md')
    .filter(({ language }) => language === 'nginx')
    .map(({ text }) => text)
  if (server === undefined || map === undefined || pass === undefined) {
    throw new Error('docs/PROXY.md has another number of nginx blocks')
  }
  const here = {
    '127.0.0.1:8080': place.behind,
    'listen 443 ssl': `listen 127.0.0.1:${place.ports[0]} ssl`,
    'listen 80': `listen 127.0.0.1:${place.ports[1]}`,
    'packages.example.com;': '127.0.0.1;',
    '/etc/ssl/packages.example.com.pem': certificate('server.pem'),
    '/etc/ssl/private/packages.example.com.key': certificate('server.key'),
  }
  const atRoot = filledIn(server, here)
  const belowPath = filledIn(server, {
    ...here,
    'location / {': 'location /composer/ {',
    'proxy_pass http://almanac;': pass,
  })
  return { atRoot, belowPath: map + belowPath }
}

async function open(kind: 'atRoot' | 'belowPath') {
  const upstream = await startStubUpstream({ at: '2025-06-30T00:00:00Z' })
  const [port, plainPort, behindPort] = [await freePort(), await freePort(), await freePort()]
  const origin = `https://127.0.0.1:${port}`
  const url = kind === 'atRoot' ? origin : `${origin}/composer`
  const almanac = await startAlmanac({
    upstream: upstream.url,
    port: behindPort,
    env: { PUBLIC_URL: url, TRUSTED_PROXIES: '127.0.0.1', PROXY_FEED_INTERVAL: '0' },
  })
  const http = configurations({
    ports: [`${port}`, `${plainPort}`],
    behind: `127.0.0.1:${behindPort}`,
  })[kind]
  const nginx = await startNginx(http, port).catch(async (error: unknown) => {
    await almanac.close()
    await upstream.close()
    throw error
  })
  const agent = new Agent({ ca: readFileSync(authorityFile) })
  const headers = { authorization: `Bearer ${adminToken}` }
  return {
    url,
    plainPort,
    agent,
    headers,
    ask: got.extend({
      agent: { https: agent },
      https: { certificateAuthority: readFileSync(authorityFile) },
      headers,
      throwHttpErrors: false,
      retry: { limit: 0 },
    }),
    install: async (require: Readonly<Record<string, string>>) => {
      const project = composerProject({
        repository: url,
        require,
        extra: { config: { cafile: authorityFile, 'allow-plugins': false } },
      })
      const { host } = new URL(url)
      const auth = JSON.stringify({ bearer: { [host]: adminToken } })
      writeFileSync(path.join(project.directory, 'auth.json'), auth)
      const { code, output } = await runComposer(['update'], project)
      assert.is(code, 0, output)
      return project
    },
    async close() {
      agent.destroy()
      await nginx.close()
      await almanac.close()
      await upstream.close()
    },
  }
}

const skipped = noNginx()
const noComposer = composerVersion() === undefined ? 'there is no Composer' : undefined

for (const [kind, where] of [
  ['atRoot', 'with a name of its own'],
  ['belowPath', 'below a path'],
] as const) {
  const name = `behind nginx as docs/PROXY.md has it, ${where}`
  const reason = skipped ?? noComposer
  if (reason !== undefined) skipSuite(name, reason)
  else
    describe(
      name,
      async () => await open(kind),
      (test) => {
        test('a package of 3 MB is published and installed, beside one of upstream', async (rig) => {
          const { ask, url, install } = rig
          const { statusCode, body } = await ask.put(`${url}/api/v1/packages/own/large/1.0.0`, {
            body: largeZip('1.0.0'),
          })
          assert.is(statusCode, 201, body)
          const project = await install({ 'own/large': '1.0.0', 'beta/text': '^1.0' })
          assert.ok(existsSync(path.join(project.directory, 'vendor/own/large/src/ballast.bin')))
          assert.ok(existsSync(path.join(project.directory, 'vendor/beta/text/composer.json')))
          project.remove()
        })

        test('an import is answered line by line while the rest is on its way', async (rig) => {
          const first = tar([{ path: 'a.zip', content: largeZip('2.0.0') }])
          const endBytes = 1024
          const sent = request(`${rig.url}/api/v1/packages/import`, {
            method: 'POST',
            agent: rig.agent,
            headers: { ...rig.headers, 'content-type': 'application/x-tar' },
          })
          // Without the two blocks of zeros that end a tar.
          sent.write(first.subarray(0, -endBytes))
          const [response] = await once(sent, 'response')
          const lines = createInterface({ input: response })[Symbol.asyncIterator]()
          const next = async () => JSON.parse((await lines.next()).value) as Record<string, unknown>
          assert.is((await next())['outcome'], 'published')
          sent.end(tar([{ path: 'b.zip', content: largeZip('2.0.1') }]))
          assert.is((await next())['outcome'], 'published')
          assert.is((await next())['complete'], true)
        })

        test('a slash within a name arrives as it was sent', async ({ ask, url }) => {
          const { statusCode, body } = await ask.put(
            `${url}/api/v1/packages/own/large/dev-feature%2Fx`,
            { body: packageZip({ name: 'own/large' }) },
          )
          assert.is(statusCode, 201, body)
          assert.is((JSON.parse(body) as { version: string }).version, 'dev-feature/x')
        })

        test('what came without TLS is sent to it', async ({ plainPort }) => {
          const { statusCode, headers } = await got(`http://127.0.0.1:${plainPort}/packages.json`, {
            followRedirect: false,
          })
          assert.is(statusCode, 301)
          assert.is(headers.location, 'https://127.0.0.1/packages.json')
        })
      },
    )
}
