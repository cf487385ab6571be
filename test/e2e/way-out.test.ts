import type { RequestListener, ServerResponse } from 'node:http'
import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import { startAlmanac, type RunningAlmanac } from '../support/almanac.ts'
import { authorityFile, startInternet } from '../support/internet.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe, rejection } from '../support/suite.ts'
import { zipball } from '../support/zip.ts'

const repository = 'https://repo.example.test'
const seesPublicOnly = 'ghp_sees_public_repositories_only'
const seesPrivate = 'github_pat_sees_private_repositories'
const auth = { 'http-basic': { 'repo.example.test': { username: 'almanac', password: 's3cr3t' } } }
const basic = `Basic ${Buffer.from('almanac:s3cr3t').toString('base64')}`

const names = ['acme/one', 'acme/two', 'acme/three', 'acme/four'] as const
type Name = (typeof names)[number]
const referenceOf = (name: string): string => createHash('sha1').update(name).digest('hex')

interface Asked {
  readonly host: string
  readonly path: string
  readonly authorization: string | undefined
}

/** A repository that wants a password, and GitHub with its limit. */
async function open() {
  const asked: Asked[] = []
  let isLimited = false
  const hosts: RequestListener = ({ headers, url: path = '' }, response) => {
    const { host = '', authorization } = headers
    asked.push({ host, path, authorization })
    if (host.startsWith('repo.example.test') || host.startsWith('plain.example.test')) {
      answerAsRepository(response, path, host.startsWith('plain') ? basic : authorization)
    } else if (path.startsWith('/user/repos')) {
      json(response, 200, authorization === `Bearer ${seesPrivate}` ? [{ private: true }] : [])
    } else if (host === 'api.github.com') {
      if (isLimited) limited(response)
      else response.writeHead(302, { location: codeload(path) }).end()
    } else {
      response.end(zipball('acme', [{ path: 'composer.json', content: '{}' }]))
    }
  }
  const internet = await startInternet(hosts)
  const database = await createTestDatabase()
  const env = {
    NODE_EXTRA_CA_CERTS: authorityFile,
    HTTPS_PROXY: internet.proxyUrl,
    HTTP_PROXY: internet.proxyUrl.replace('http://', ''),
    PROXY_UPSTREAM_AUTH: JSON.stringify(auth),
    PUBLIC_READ: 'true',
    GITHUB_TOKEN: seesPublicOnly,
    PROXY_FEED_INTERVAL: '0',
    LOG_LEVEL: 'info',
  }
  const start = async (more: Readonly<Record<string, string>> = {}): Promise<RunningAlmanac> => {
    const upstream = more['PROXY_PACKAGIST_URL'] ?? repository
    return await startAlmanac({ upstream, databaseUrl: database.url, env: { ...env, ...more } })
  }
  return {
    internet,
    asked,
    start,
    limit: (is: boolean) => (isLimited = is),
    async close() {
      await internet.close()
      await database.close()
    },
  }
}

function answerAsRepository(response: ServerResponse, path: string, login?: string): void {
  if (login !== basic) return json(response, 401, {})
  if (path === '/packages.json') {
    return json(response, 200, { packages: {}, 'metadata-url': '/p2/%package%.json' })
  }
  const name = names.find((each) => path === `/p2/${each}.json`)
  if (name === undefined) return json(response, 404, {})
  const reference = referenceOf(name)
  const dist = { type: 'zip', url: `https://api.github.com/repos/${name}/zipball/${reference}` }
  const version = { name, version: '1.0.0', version_normalized: '1.0.0.0' }
  json(response, 200, { packages: { [name]: [{ ...version, dist: { ...dist, reference } }] } })
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

function limited(response: ServerResponse): void {
  const reset = Math.floor(performance.timeOrigin / 1000) + 3_000
  response.setHeader('x-ratelimit-remaining', '0')
  response.setHeader('x-ratelimit-reset', String(reset))
  json(response, 403, { message: 'API rate limit exceeded' })
}

function codeload(path: string): string {
  return `https://codeload.github.com${path.replace('/repos', '').replace('zipball', 'legacy.zip')}`
}

async function statusOf({ url }: RunningAlmanac, path: string): Promise<number> {
  const { status, body } = await fetch(`${url}${path}`)
  await body?.cancel()
  return status
}

const documentOf = (name: Name): string => `/p2/${name}.json`
const archiveOf = (name: Name): string => `/dist-proxy/${name}/1.0.0.0/${referenceOf(name)}.zip`

describe('the way out', open, (test) => {
  test('leads through the proxy, with its credentials, to a tunnel for each host', async (rig) => {
    const almanac = await rig.start()
    assert.is(await statusOf(almanac, documentOf('acme/one')), 200)
    assert.is(await statusOf(almanac, archiveOf('acme/one')), 200)
    const targets = new Set(rig.internet.proxied.map(({ method, target }) => `${method} ${target}`))
    for (const host of ['repo.example.test', 'api.github.com', 'codeload.github.com']) {
      assert.ok(targets.has(`CONNECT ${host}:443`), host)
    }
    const login = `Basic ${Buffer.from('user:word').toString('base64')}`
    for (const { authorization } of rig.internet.proxied) assert.is(authorization, login)
    await almanac.close()
  })

  test('takes to each host its own credentials, and to a host behind a redirect none', (rig) => {
    const credentialsAt = (name: string) =>
      new Set(
        rig.asked.flatMap(({ host, authorization }) => (host === name ? [authorization] : [])),
      )
    assert.equal(credentialsAt('repo.example.test'), new Set([basic]))
    assert.equal(credentialsAt('api.github.com'), new Set([`Bearer ${seesPublicOnly}`]))
    assert.equal(credentialsAt('codeload.github.com'), new Set([undefined]))
  })

  test('goes past the limit of GitHub to where it would have been sent', async (rig) => {
    rig.limit(true)
    const almanac = await rig.start()
    assert.is(await statusOf(almanac, documentOf('acme/two')), 200)
    assert.is(await statusOf(almanac, archiveOf('acme/two')), 200)
    rig.asked.length = 0
    assert.is(await statusOf(almanac, documentOf('acme/three')), 200)
    assert.is(await statusOf(almanac, archiveOf('acme/three')), 200)
    const hosts = rig.asked.map(({ host }) => host)
    assert.ok(!hosts.includes('api.github.com'), 'which said for how long not to ask')
    rig.limit(false)
    await almanac.close()
  })

  test('takes no answer of the proxy for one of upstream', async (rig) => {
    const almanac = await rig.start()
    for (const status of [404, 407, 502]) {
      rig.internet.refuseWith(status)
      assert.is(await statusOf(almanac, `/p2/acme/unseen${status}.json`), 503, `${status}`)
    }
    rig.internet.refuseWith(200)
    await almanac.close()
  })

  test('has plain http asked by the proxy, and never with credentials', async (rig) => {
    rig.asked.length = 0
    rig.internet.proxied.length = 0
    const almanac = await rig.start({ PROXY_PACKAGIST_URL: 'http://plain.example.test' })
    assert.is(await statusOf(almanac, documentOf('acme/four')), 200)
    const plain = rig.internet.proxied.find(({ method }) => method === 'GET')
    assert.match(plain?.target ?? '', 'http://plain.example.test/')
    const asked = rig.asked.find(({ host }) => host === 'plain.example.test')
    assert.is(asked?.authorization, undefined)
    await almanac.close()
  })

  test('is direct to what NO_PROXY names', async (rig) => {
    rig.internet.proxied.length = 0
    const almanac = await rig.start({ NO_PROXY: 'example.com,.example.test' })
    assert.is(await statusOf(almanac, '/p2/acme/unasked.json'), 503, 'there is no such name')
    assert.equal(
      rig.internet.proxied.filter(({ target }) => target.includes('example.test')),
      [],
    )
    await almanac.close()
  })

  test('is not begun with a token that shows everybody private repositories', async (rig) => {
    const error = await rejection(rig.start({ GITHUB_TOKEN: seesPrivate }))
    assert.instance(error, Error)
    assert.match((error as Error).message, 'PUBLIC_READ=false') // checked in the line above
    assert.not.match((error as Error).message, seesPrivate)
    const closed = await rig.start({ GITHUB_TOKEN: seesPrivate, PUBLIC_READ: 'false' })
    assert.not.match(closed.output(), seesPrivate)
    await closed.close()
  })

  test('keeps a token to itself until GitHub has said what it sees', async (rig) => {
    rig.internet.refuseWith(502)
    const almanac = await rig.start()
    rig.internet.refuseWith(200)
    rig.asked.length = 0
    assert.match(almanac.output(), "isn't sent until GitHub has said")
    for (const secret of [seesPublicOnly, 's3cr3t', 'user:word']) {
      assert.not.match(almanac.output(), secret)
    }
    await almanac.close()
  })
})
