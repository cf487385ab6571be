import * as assert from 'uvu/assert'
import { addSeconds, compactInstant, type Instant } from '../../src/time-machine/instant.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

interface Root {
  readonly 'metadata-url': string
  readonly list: string
  readonly search: string
  readonly 'providers-api': string
  readonly 'notify-batch': string
  readonly mirrors: readonly { readonly 'dist-url': string }[]
  readonly 'security-advisories': { readonly 'api-url': string }
  readonly infos: readonly { readonly message: string }[]
}

function rootOf(response: { readonly body: Buffer }): Root {
  return JSON.parse(response.body.toString()) as Root
}

function versionsIn(response: { readonly body: Buffer }): readonly string[] {
  return [...response.body.toString().matchAll(/"version":"([^"]+)"/g)].map(
    ([, version]) => version ?? '',
  )
}

function wordOf(response: { readonly headers: Record<string, unknown> }): string {
  return String(response.headers['x-time-machine']).split(';')[0] ?? ''
}

const log = '/p2/acme/log.json'

describe('the forms of an instant', startService, (test) => {
  const forms = [
    '2026-05-01',
    '2026-05-01T12:00:00Z',
    '2026-05-01T12:00:00.123456Z',
    '2026-05-01T12:00:00+02:00',
    '20260501T120000Z',
  ]
  for (const form of forms) {
    test(`${form} is taken in the path and in the query alike`, async ({ get }) => {
      const inPath = await get(`/at/${encodeURIComponent(form)}/packages.json`)
      const inQuery = await get(`/packages.json?at=${encodeURIComponent(form)}`)
      assert.is(inPath.statusCode, 200)
      assert.is(inPath.body.toString(), inQuery.body.toString())
    })
  }

  test('a day stands for its end: everything up to the next midnight, UTC', async ({
    get,
    url,
  }) => {
    const root = rootOf(await get('/at/2026-05-01/packages.json'))
    assert.is(root['metadata-url'], `${url}/at/20260501T235959.999999Z/p2/%package%.json`)
  })

  const refused = [
    '2026-02-30',
    '2026-13-01',
    'yesterday',
    '',
    '1767225600',
    '2026-05-01T12:00:00',
    '2026-05-01T12:00:00 02:00',
    '2026-06-01T00:05:01Z', // five minutes and a second ahead of the clock
    '2026-06-01', // its end is yet to come
    '9'.repeat(10_000),
  ]
  for (const form of refused) {
    test(`"${form.slice(0, 30)}" is refused with a sentence`, async ({ get, upstream }) => {
      upstream.forget()
      const answer = await get(`${log}?at=${encodeURIComponent(form)}`)
      assert.is(answer.statusCode, 400)
      assert.ok((JSON.parse(answer.body.toString()) as { warning: string }).warning.length > 20)
      assert.is(upstream.requests.length, 0)
    })
  }

  test('naming two instants is refused', async ({ get }) => {
    for (const path of [
      `/at/2026-05-01${log}?at=2026-05-01`,
      `${log}?at=2026-05-01&at=2026-05-02`,
    ]) {
      assert.is((await get(path)).statusCode, 400)
    }
  })

  test('a few minutes ahead are taken, since clocks differ, and never settled', async ({ get }) => {
    const answer = await get(`${log}?at=2026-06-01T00:04:59Z`)
    assert.is(answer.statusCode, 200)
    assert.is(wordOf(answer), 'unsettled')
    assert.is(answer.headers['cache-control'], 'no-cache')
  })
})

describe('the pinned root file', startService, (test) => {
  test('carries the instant where it must, and not where a lock file would keep it', async ({
    get,
    url,
  }) => {
    const root = rootOf(await get('/at/2026-05-01T12:00:00Z/packages.json'))
    const pinned = `${url}/at/20260501T120000Z/`
    for (const key of ['metadata-url', 'list', 'search', 'providers-api'] as const) {
      assert.ok(root[key].startsWith(pinned), `${key} is ${root[key]}`)
    }
    const unpinned = [
      root['notify-batch'],
      root.mirrors[0]?.['dist-url'],
      root['security-advisories']['api-url'],
    ]
    for (const address of unpinned)
      assert.ok(address?.startsWith(`${url}/`) && !address.includes('/at/'))
  })

  test('tells the person running Composer which instant, and how sure it is', async ({
    get,
    clock,
  }) => {
    const before = rootOf(await get('/at/2026-05-01T12:00:00Z/packages.json'))
    assert.match(before.infos.at(-1)?.message ?? '', /2026-05-01.*before this proxy's first record/)
    clock.advance(3600)
    const after = rootOf(await get('/at/2026-06-01T00:30:00Z/packages.json'))
    assert.match(after.infos.at(-1)?.message ?? '', /2026-06-01T00:30.*as recorded/)
    const now = rootOf(await get('/at/2026-06-01T01:00:00Z/packages.json'))
    assert.match(now.infos.at(-1)?.message ?? '', /so recent/)
  })

  test('lists and searches are answered below the pin', async ({ get }) => {
    const list = await get('/at/2026-05-01/packages/list.json?filter=acme%2F*')
    assert.ok(
      (JSON.parse(list.body.toString()) as { packageNames: string[] }).packageNames.length > 3,
    )
    assert.is((await get('/at/2026-05-01/search.json?q=log&type=')).statusCode, 200)
    assert.is(
      (await get('/at/2026-05-01/providers/acme/message-implementation.json')).statusCode,
      200,
    )
    assert.is((await get('/at/nonsense/search.json?q=log')).statusCode, 400)
  })
})

describe('a document as of an instant', startService, (test) => {
  test('before it was ever seen: exact as far back as upstream says it has not changed', async ({
    get,
  }) => {
    // acme/log changed last on 2026-02-11.
    const answer = await get(`/at/2026-03-01${log}`)
    assert.is(wordOf(answer), 'exact')
    assert.match(String(answer.headers['x-time-machine']), /since=2026-02-11T.*until=2026-06-01T/)
    assert.is(answer.body.toString(), (await get(log)).body.toString())
  })

  test('… and reconstructed from publication dates before that', async ({ get }) => {
    const answer = await get(`/at/2025-04-01${log}`)
    assert.is(wordOf(answer), 'reconstructed')
    assert.equal(versionsIn(answer), ['2.0.0', '2.0.0-beta1', '1.1.0', '1.0.0'])
    assert.is((await get(`/at/2025-04-01${log}?strict=1`)).statusCode, 404)
    assert.is((await get(`/at/2026-03-01${log}?strict=1`)).statusCode, 200)
  })

  test('a package that had no version yet has an empty list, and is not 404', async ({ get }) => {
    const answer = await get(`/at/2020-01-01${log}`)
    assert.is(answer.statusCode, 200)
    assert.equal((JSON.parse(answer.body.toString()) as { packages: unknown }).packages, {
      'acme/log': [],
    })
  })

  test('a name that upstream does not have is 404 at any instant', async ({ get }) => {
    assert.is((await get('/at/2026-05-01/p2/no/such.json')).statusCode, 404)
  })

  test('never seen and upstream failing is 503, not 404', async ({ get, upstream }) => {
    const clear = upstream.fail({ match: /\/p2\/acme\/mailer/, mode: 'reset' })
    assert.is((await get('/at/2026-05-01/p2/acme/mailer.json')).statusCode, 503)
    clear()
  })

  test('follows what this proxy saw: exact, carried, stale, and exact again', async (service) => {
    const { get, clock, upstream } = service
    const at = async (instant: Instant) => await get(`/at/${compactInstant(instant)}${log}`)
    const first = clock.now()
    const before = await get(log)
    clock.advance(3600)
    await get(log) // confirms
    const confirmed = clock.now()
    clock.advance(1800)
    const between = clock.now()
    clock.advance(1800)
    upstream.at(clock.now().slice(0, 19) + 'Z')
    upstream.publish('acme/log', '2.2.0')
    const published = addSeconds(clock.now(), 1)
    clock.advance(1800)
    const unseen = clock.now()
    clock.advance(3600)
    const after = await get(log) // sees the change
    const seen = clock.now()
    clock.advance(600)

    const expected = [
      [first, 'exact', before],
      [confirmed, 'exact', before],
      [between, 'carried', before],
      [addSeconds(published, -1), 'carried', before],
      [published, 'stale', before],
      [unseen, 'stale', before],
      [addSeconds(seen, -1), 'stale', before],
      [seen, 'exact', after],
      [addSeconds(seen, 1), 'carried', after],
    ] as const
    for (const [instant, word, document] of expected) {
      const answer = await at(instant)
      assert.is(wordOf(answer), word, instant)
      assert.is(answer.body.toString(), document.body.toString(), instant)
      assert.is(answer.headers['last-modified'], document.headers['last-modified'])
    }
    assert.not.equal(before.body, after.body)
  })

  test('a package that was dropped since is still there before, and 404 after', async (service) => {
    const { get, clock, upstream } = service
    await get('/p2/beta/text.json')
    const then = clock.now()
    upstream.deletePackage('beta/text')
    for (let check = 0; check < 3; check++) {
      clock.advance(3600)
      await get('/p2/beta/text.json')
    }
    // Upstream's root file was asked for as well, and events are dated one after the other.
    const gone = addSeconds(clock.now(), 1)
    clock.advance(3600)
    assert.is((await get(`/at/${compactInstant(then)}/p2/beta/text.json`)).statusCode, 200)
    assert.is((await get(`/at/${compactInstant(gone)}/p2/beta/text.json`)).statusCode, 404)
  })

  test('every document is answered as of the same position', async (service) => {
    const { get, clock, upstream } = service
    await get('/p2/acme/http.json')
    await get('/p2/acme/container.json')
    const basis = clock.now()
    clock.advance(3600)
    for (const name of ['acme/http', 'acme/container']) {
      upstream.publish(name, '9.0.0')
      await get(`/p2/${name}.json`)
    }
    clock.advance(600)
    for (const name of ['acme/http', 'acme/container']) {
      const pinned = await get(`/at/${compactInstant(basis)}/p2/${name}.json`)
      assert.not.ok(versionsIn(pinned).includes('9.0.0'), name)
      assert.ok(versionsIn(await get(`/p2/${name}.json`)).includes('9.0.0'), name)
    }
  })

  test('a client that has a later state gets the pinned one, never 304', async ({ get, clock }) => {
    const now = await get(log)
    const condition = { 'if-modified-since': now.headers['last-modified'] ?? '' }
    clock.advance(600)
    const pinned = await get(`/at/2025-04-01${log}`, condition)
    assert.is(pinned.statusCode, 200)
    const again = { 'if-modified-since': pinned.headers['last-modified'] ?? '' }
    assert.is((await get(`/at/2025-04-01${log}`, again)).statusCode, 304)
  })
})
