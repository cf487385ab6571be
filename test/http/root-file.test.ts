import * as assert from 'uvu/assert'
import type { JsonObject } from '../../src/composer/minify.ts'
import { adminToken } from '../support/api.ts'
import { packageZip, putTo } from '../support/publishing.ts'
import { type Service, startService } from '../support/service.ts'
import { patientMs } from '../support/slowness.ts'
import { describe } from '../support/suite.ts'

const settled = '2026-05-01T00:00:00Z'
const roots = ['/packages.json', `/at/${settled}/packages.json`] as const

/** Upstream's list is of use to see what is merged in: ours has none. */
const patterns = 'available-package-patterns'

async function openUnreached() {
  const service = await startService()
  const { upstream } = service
  const answers = upstream.fail({ match: /./, mode: 'reset' })
  return {
    ...service,
    root: async (path: string, headers?: Record<string, string>) => {
      const { statusCode, headers: answered, body } = await service.get(path, headers)
      const text = body.toString()
      const json = (text === '' ? {} : JSON.parse(text)) as JsonObject // as each root file is
      return { statusCode, headers: answered, json }
    },
    /** Upstream can be reached from now on, with a pattern of names in its root file perhaps. */
    reach: () => {
      answers()
      service.clock.advance(60)
    },
    sayPatterns: async (said: readonly string[]) => {
      const { body } = await upstreamRoot(service)
      return upstream.fail({
        match: /^\/packages\.json$/,
        mode: 'own-words',
        body: JSON.stringify({ ...body, [patterns]: said }),
      })
    },
  }
}

async function upstreamRoot({ upstream }: Service): Promise<{ readonly body: JsonObject }> {
  const answer = await fetch(`${upstream.url}/packages.json`)
  return { body: (await answer.json()) as JsonObject }
}

describe('a server that never reached its upstream', openUnreached, (test) => {
  test('has a root file, now and pinned, that leads to itself', async ({ root, url }) => {
    for (const path of roots) {
      const { statusCode, headers, json } = await root(path)
      assert.is(statusCode, 200, path)
      assert.is(headers['cache-control'], 'no-cache', path)
      assert.ok(String(json['metadata-url']).startsWith(url), path)
      assert.equal(json['filter'], {
        metadata: true,
        lists: { malware: { enabled: true } },
        'summary-url': `${url}/lists/all/summary.json`,
      })
      assert.equal(json['security-advisories'], {
        metadata: true,
        'api-url': `${url}/api/security-advisories/`,
      })
    }
    const pinned = await root(roots[1])
    assert.is(pinned.headers['last-modified'], undefined, 'there may be more to say of then')
  })

  test('serves what is its own, and says 503 of the rest', async (service) => {
    const put = putTo(service)
    const { status } = await put('own/kit/1.0.0', packageZip({ name: 'own/kit' }))
    assert.is(status, 201)
    const reader = { authorization: `Bearer ${adminToken}` }
    assert.is((await service.get('/p2/own/kit.json', reader)).statusCode, 200)
    assert.is((await service.get('/p2/acme/log.json')).statusCode, 503)
  })

  test('says what upstream adds once that is known, to those who had the shorter one too', async (service) => {
    const { root, reach, sayPatterns } = service
    const before = await Promise.all(roots.map(async (path) => await root(path)))
    reach()
    const clear = await sayPatterns(['acme/*'])
    for (const [index, path] of roots.entries()) {
      const { etag = '', 'last-modified': date } = before[index]?.headers ?? {}
      const known = { 'if-none-match': etag, ...(date && { 'if-modified-since': date }) }
      for (const headers of [known, date ? { 'if-modified-since': date } : {}]) {
        const fuller = await root(path, headers)
        assert.is(fuller.statusCode, 200, path)
        assert.equal((fuller.json[patterns] as readonly string[])[0], 'acme/*', path)
        assert.ok(fuller.headers['last-modified'], path)
      }
    }
    clear()
  })
})

describe(
  'the root file of a server of which nobody has said how it is reached',
  startService,
  (test) => {
    test('says that it is for trying out, and no more once PUBLIC_URL is set', async (service) => {
      const ask = async (path = '/packages.json') => {
        const { headers, body } = await service.get(path)
        const modified = String(headers['last-modified'])
        return { modified, root: JSON.parse(body.toString()) as JsonObject } // as each root file is
      }
      const message =
        'Almanac: for trying out: locks made now will name 127.0.0.1; set PUBLIC_URL before you commit one'
      const trial = await ask()
      assert.equal(trial.root['infos'], [{ versions: '>=2.2', message }])
      const pinned = await ask(roots[1])
      assert.not.match(JSON.stringify(pinned.root), 'trying out')
      await service.restart({ PUBLIC_URL: service.url })
      const { modified, root } = await ask()
      assert.is(root['infos'], undefined)
      assert.ok(Date.parse(modified) > Date.parse(trial.modified))
      assert.equal(await ask(roots[1]), pinned)
    })
  },
)

describe('the root file of a server that reached its upstream before', startService, (test) => {
  test('comes at once when upstream is silent', async ({ get, upstream, clock }) => {
    const first = await get('/packages.json')
    clock.advance(3600)
    const clear = upstream.fail({ match: /./, mode: 'hang' })
    const begunAt = performance.now()
    const second = await get('/packages.json')
    assert.ok(
      performance.now() - begunAt < patientMs(1_500),
      'upstream is given a quarter of a second',
    )
    assert.is(second.body.toString(), first.body.toString())
    clear()
  })
})

describe('a server whose upstream is silent from the first start', startService, (test) => {
  test('has its root file within five seconds', async ({ get, upstream }) => {
    const clear = upstream.fail({ match: /./, mode: 'hang' })
    for (const path of roots) {
      const begunAt = performance.now()
      assert.is((await get(path)).statusCode, 200, path)
      assert.ok(performance.now() - begunAt < patientMs(5_000), path)
    }
    clear()
  })
})
