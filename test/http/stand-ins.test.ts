import * as assert from 'uvu/assert'
import { compactInstant } from '../../src/time-machine/instant.ts'
import { recordUnlooked } from '../support/former-release.ts'
import { packageZip, putTo } from '../support/publishing.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import { issueToken } from '../support/tokens.ts'

const kit = '/p2/pub/kit.json'
const kitBranches = '/p2/pub/kit~dev.json'
const links = {
  replace: { 'acme/secret': '9.9.9', 'other/one': '*' },
  provide: { 'Acme/Contract': '1.0' },
}
const packages = [
  {
    name: 'pub/kit',
    description: 'Says that it is a private package',
    facts: links,
    tags: [['1.0.0', '2025-01-01'] as const, ['1.1.0', '2025-06-01'] as const],
    branches: { main: ['2025-06-02'] },
  },
  {
    name: 'pub/plain',
    description: 'Stands in for nothing',
    tags: [['1.0.0', '2025-01-01'] as const],
    branches: { main: ['2025-01-01'] },
  },
]
const open = async () => await startService({ upstream: { packages } })

async function textAt({ get }: Service, path: string): Promise<string> {
  const { statusCode, body } = await get(path)
  assert.is(statusCode, 200, path)
  return body.toString()
}

function standsIn(text: string): boolean {
  return /acme/i.test(text)
}

describe('a public package that replaces packages of a vendor', open, (test) => {
  test('is the very bytes of upstream as long as nothing is reserved', async (service) => {
    const sent = await (await fetch(service.upstream.url + kit)).text()
    assert.is(await textAt(service, kit), sent)
    assert.ok(standsIn(sent))
  })

  test('no longer does once the vendor has its first package, now and at any date', async (service) => {
    const { get, clock, upstream, startNode } = service
    const other = await startNode()
    const paths = [
      kit,
      kitBranches,
      `/at/2025-03-01${kit}`,
      `/at/${compactInstant(clock.now())}${kit}`,
    ]
    const dates = new Map<string, string>()
    for (const path of paths) {
      assert.ok(standsIn(await textAt(service, path)), path)
      dates.set(path, (await get(path)).headers['last-modified'] ?? '')
    }
    await other(kit)
    clock.advance(60)
    const zip = packageZip({ name: 'acme/secret', description: 'Ours' })
    const { status } = await putTo(service)('acme/secret/1.0.0', zip)
    assert.is(status, 201)
    upstream.forget()
    for (const path of paths) {
      const answer = await get(path, { 'if-modified-since': dates.get(path) ?? '' })
      assert.is(answer.statusCode, 200, 'no client keeps what it has')
      const text = answer.body.toString()
      assert.not(standsIn(text), path)
      assert.match(text, 'other/one')
      const now = answer.headers['last-modified'] ?? ''
      assert.is((await get(path, { 'if-modified-since': now })).statusCode, 304, path)
    }
    assert.is(upstream.requests.length, 0, 'nobody has to ask for it')
    assert.not(standsIn((await other(kit)).body.toString()), 'on another node too')
  })

  test('does neither when it is frozen, or its archives are to be here', async (service) => {
    const { api, restart } = service
    await api('POST', '/api/v1/proxy/freeze/pub/kit')
    assert.not(standsIn(await textAt(service, kit)))
    await restart({ PROXY_DIST_MODE: 'rewrite' })
    assert.not(standsIn(await textAt(service, kit)))
    await api('POST', '/api/v1/proxy/unfreeze/pub/kit')
    assert.not(standsIn(await textAt(service, kit)))
  })

  test('may do it when it is named, and then has a date of its own again', async (service) => {
    const { get, restart } = service
    await restart({})
    const before = (await get(kit)).headers['last-modified'] ?? ''
    await restart({ PRIVATE_REPLACED_BY: 'pub/kit' })
    const { statusCode, body } = await get(kit, { 'if-modified-since': before })
    assert.is(statusCode, 200)
    assert.ok(standsIn(body.toString()))
  })

  test('leaves other packages as they are', async (service) => {
    const { get, upstream } = service
    const sent = await fetch(`${upstream.url}/p2/pub/plain.json`)
    const { body, headers } = await get('/p2/pub/plain.json')
    assert.ok(body.equals(Buffer.from(await sent.arrayBuffer())))
    assert.is(headers['last-modified'], sent.headers.get('last-modified'))
  })
})

const opening = (settings: Readonly<Record<string, string>>) => async () =>
  await startService({ upstream: { packages }, settings })

describe('a vendor that is reserved by name', opening({ PRIVATE_VENDORS: 'ac*' }), (test) => {
  test('is stood in for by no document that comes later', async (service) => {
    const { upstream, clock } = service
    assert.not(standsIn(await textAt(service, kit)))
    upstream.publish('pub/kit', '1.2.0', links)
    clock.advance(4000)
    const text = await textAt(service, kit)
    assert.match(text, '1.2.0')
    assert.not(standsIn(text))
  })

  test('is so too by a document that stands in for more than are listed', async (service) => {
    const { database, upstream, clock } = service
    const many = Object.fromEntries(
      Array.from({ length: 150 }, (_, index) => [`vendor${index}/x`, '*']),
    )
    upstream.publish('pub/kit', '1.3.0', { replace: { ...many, 'acme/secret': '*' } })
    clock.advance(4000)
    const text = await textAt(service, kit)
    assert.match(text, 'vendor149/x')
    assert.not(standsIn(text))
    const rows = await database.db.selectFrom('document_digest').select('stands_in_for').execute()
    assert.ok(rows.some(({ stands_in_for: [vendor] }) => vendor === '*'))
  })
})

/** The list of a package whose versions, each of a month of 2025 from January, replace what is given. */
const listOf = (name: string, replaced: readonly string[]) => {
  const dist = { type: 'zip', url: 'http://dist.test/a.zip', reference: 'a'.repeat(40) }
  const versions = replaced.map((other, index) => {
    const time = `2025-0${index + 1}-01T00:00:00+00:00`
    return { name, version: `1.${index}.0`, time, dist, replace: { [other]: '*' } }
  })
  return { [name]: versions }
}

describe('a body that a former release recorded for two packages', open, (test) => {
  test('says of each what it says of that one, whichever is asked for first', async (service) => {
    const { clock } = service
    for (const order of [['one', 'two'] as const, ['two', 'one'] as const]) {
      const vendor = `pub-${order[0]}`
      const lists = {
        ...listOf(`${vendor}/one`, ['other/one']),
        ...listOf(`${vendor}/two`, ['other/two', 'acme/secret']),
      }
      for (const name of order) {
        await recordUnlooked(service, `${vendor}/${name}`, JSON.stringify({ packages: lists }))
      }
      await putTo(service)('acme/secret/1.0.0', packageZip({ name: 'acme/secret' }))
      for (const past of [
        '',
        '/at/2025-01-15',
        '/at/2025-03-15',
        `/at/${compactInstant(clock.now())}`,
      ]) {
        for (const name of order) {
          const path = `${past}/p2/${vendor}/${name}.json`
          const text = await textAt(service, path)
          const isBefore2nd = name === 'one' || past === '/at/2025-01-15'
          const versions = [...text.matchAll(/"version":"([^"]+)"/g)].map(([, version]) => version)
          assert.equal(versions, isBefore2nd ? ['1.0.0'] : ['1.0.0', '1.1.0'], path)
          assert.match(text, `other/${name}`)
          assert.not(standsIn(text), path)
        }
      }
    }
  })
})

describe('a package of ours that replaces one of another vendor of ours', open, (test) => {
  const zipOf = (name: string, replaced: string) =>
    packageZip({ name, description: 'Ours', replace: { [replaced]: '*' } })

  test('is published by those only who may publish both', async (service) => {
    const put = putTo(service)
    const { status } = await put('acme/secret/1.0.0', packageZip({ name: 'acme/secret' }))
    assert.is(status, 201)
    const grants = [{ scope: 'publish' as const, vendors: ['own'] }]
    const { token } = await issueToken(service, { grants })
    const request = { headers: { authorization: `Bearer ${token}` } }
    const refused = await put('own/kit/1.0.0', zipOf('own/kit', 'acme/secret'), request)
    assert.is(refused.status, 403)
    assert.match(refused.problem.detail, 'packages of acme, which this token may not publish')
    const own = await put('own/kit/1.0.0', zipOf('own/kit', 'own/old'), request)
    assert.is(own.status, 201, own.problem.detail)
    const elsewhere = await put('own/kit/1.1.0', zipOf('own/kit', 'symfony/console'), request)
    assert.is(elsewhere.status, 201, 'a public package may be replaced')
    const both = await put('own/kit/1.2.0', zipOf('own/kit', 'acme/secret'))
    assert.is(both.status, 201, both.problem.detail)
  })
})
