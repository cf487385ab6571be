import * as assert from 'uvu/assert'
import { createSnapshotStore } from '../../src/snapshots/store.ts'
import { projections } from '../../projections/index.ts'
import { rebuild } from '../../src/projector/rebuild.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import type { ApiAnswer } from '../support/api.ts'
import { distOf } from '../support/dist.ts'
import { dumpSchema } from '../support/dump.ts'
import { change, metadataRequests, pages, pass, paths, poll } from '../support/feed.ts'
import { packageZip, type Problem, putTo } from '../support/publishing.ts'
import { type Get, type Service, startService } from '../support/service.ts'
import { sourcesOf } from '../support/sources.ts'
import { describe, eventually } from '../support/suite.ts'
import { issueToken } from '../support/tokens.ts'

const links = { replace: { 'acme/ours': '9.9.9', 'acme/old': '*' } }

/** Upstream has packages of the vendor that is claimed, one of them with the name of ours. */
const packages = [
  {
    name: 'acme/log',
    description: 'Writes lines',
    tags: [['1.0.0', '2025-01-01'] as const],
    branches: { main: ['2025-01-01'] },
  },
  {
    name: 'acme/kit',
    description: 'Says that it is ours',
    facts: links,
    tags: [['1.0.0', '2025-01-01'] as const],
    branches: { main: ['2025-01-01'] },
  },
  {
    name: 'acme/ours',
    description: 'Not ours, for writing lines',
    tags: [['9.9.9', '2025-01-01'] as const],
    branches: { main: ['2025-01-01'] },
  },
]

const log = '/p2/acme/log.json'
const ours = '/p2/acme/ours.json'

interface World extends Service {
  readonly put: ReturnType<typeof putTo>
  readonly other: Get
  readonly reader: { readonly authorization: string }
  readonly openVendor: (json: object, headers?: Record<string, string>) => Promise<ApiAnswer>
}

async function open(settings: Readonly<Record<string, string>> = {}): Promise<World> {
  const service = await startService({
    settings: { PROXY_FEED_INTERVAL: '60', ...settings },
    upstream: { packages },
  })
  const { api } = service
  const { token } = await issueToken(service, { grants: [{ scope: 'read', vendors: ['acme'] }] })
  return {
    ...service,
    put: putTo(service),
    other: await service.startNode(),
    reader: { authorization: `Bearer ${token}` },
    openVendor: async (json, headers = {}) =>
      await api('POST', '/api/v1/proxy/open', { json, headers }),
  }
}

/** Those of upstream's that an answer names. */
async function namesIn(get: Get, path: string): Promise<readonly string[]> {
  const { statusCode, body } = await get(path)
  assert.is(statusCode, 200, path)
  return packages
    .map(({ name }) => name)
    .filter((name) => JSON.stringify(JSON.parse(body.toString())).includes(name))
}

const versionsIn = (body: Buffer): readonly unknown[] => {
  const { packages: all } = JSON.parse(body.toString()) as {
    readonly packages: Readonly<Record<string, readonly { readonly version: string }[]>>
  }
  return Object.values(all).flatMap((each) => each.map(({ version }) => version))
}

async function dumped({ database }: Service): Promise<unknown> {
  return await Promise.all(
    projections.map(async (each) => await dumpSchema(database.db, schemaOf(each))),
  )
}

describe('a vendor that was claimed by mistake', open, (test) => {
  test('has nothing public as long as it is claimed', async (world) => {
    const { get, other, put } = world
    await poll(world)
    for (const node of [get, other]) assert.is((await node(log)).statusCode, 200)
    for (const path of ['/p2/acme/kit.json', ours]) assert.is((await get(path)).statusCode, 200)
    assert.is((await put('acme/ours/1.0.0', packageZip({ name: 'acme/ours' }))).status, 409)
    const zip = packageZip({ name: 'acme/ours', description: 'Ours' })
    assert.is((await put('acme/ours/1.0.0?claim=true', zip)).status, 201)
    for (const node of [get, other]) assert.is((await node(log)).statusCode, 401)
    change(world, () => world.upstream.publish('acme/log', '1.1.0'))
    world.upstream.forget()
    pass(world, 600)
    await poll(world)
    assert.equal(paths(world, metadataRequests), [])
  })

  test('has it again once it is opened, as upstream has it by then, on every node', async (world) => {
    const { get, other, openVendor, clock } = world
    const claimed = clock.now()
    pass(world, 600)
    await poll(world)
    const opened = await openVendor({ vendor: 'acme', reason: 'a typing error' })
    assert.equal([opened.status, opened.body], [200, { vendor: 'acme', reserved: ['acme/ours'] }])
    const { statusCode, body, headers } = await get(log)
    assert.is(statusCode, 200)
    assert.equal(versionsIn(body), ['1.1.0', '1.0.0'])
    assert.match(headers['cache-control'] ?? '', /^public/)
    await eventually('the other node serves it', async () => (await other(log)).statusCode === 200)
    const pinned = await get(`/at/${claimed}${log}`)
    assert.is(pinned.statusCode, 200)
    assert.not.match(String(pinned.headers['x-time-machine']), /^exact/, 'nobody looked then')
    const { reference } = await distOf(world, 'acme/log', '1.0.0')
    assert.is((await get(`/dist-proxy/acme/log/1.0.0.0/${reference}.zip`)).statusCode, 200)
    assert.is((await get('/p2/acme/nothing.json')).statusCode, 404)
  })

  test('keeps what was published in it', async (world) => {
    const { get, other, reader, upstream } = world
    upstream.forget()
    for (const node of [get, other]) {
      for (const path of [ours, '/p2/acme/ours~dev.json', `/at/2026-05-31${ours}`]) {
        assert.is((await node(path)).statusCode, 401, path)
      }
      assert.equal(versionsIn((await node(ours, reader)).body), ['1.0.0'])
    }
    assert.is((await get('/dist-proxy/acme/ours/9.9.9.0/ab.zip')).statusCode, 401)
    assert.is((await get('/providers/acme/ours.json')).statusCode, 401)
    assert.is((await get('/p2/acme/OURS.json')).statusCode, 401)
    assert.is(upstream.requests.length, 0)
  })

  test('is in upstream’s answers, without what is ours', async (world) => {
    const { get, upstream } = world
    upstream.forget()
    assert.equal(await namesIn(get, '/search.json?q=lines'), ['acme/log'])
    assert.equal(await namesIn(get, '/packages/list.json'), ['acme/log', 'acme/kit'])
    assert.is((await get('/providers/acme/log.json')).statusCode, 200)
    const advisories = '/api/security-advisories/?packages[]=acme/log&packages[]=acme/ours'
    assert.is((await get(advisories)).statusCode, 200)
    await get('/search.json?q=acme%20ours')
    await get('/packages/list.json?vendor=acme')
    const asked = upstream.requests.map(({ path }) => decodeURIComponent(path))
    assert.is(asked.length, 4, String(asked))
    assert.ok(asked.some((path) => path.includes('acme/log')))
    assert.not.ok(
      asked.some((path) => path.includes('ours')),
      String(asked),
    )
  })

  test('has no public package that stands in for what is ours', async ({ get }) => {
    const { body } = await get('/p2/acme/kit.json')
    assert.match(body.toString(), 'acme/old')
    assert.not.match(body.toString(), 'acme/ours')
  })

  test('is followed by the feed, without what is ours', async (world) => {
    const { upstream, get } = world
    await poll(world)
    change(world, () => upstream.publish('acme/log', '1.2.0'))
    change(world, () => upstream.publish('acme/ours', '10.0.0'))
    upstream.forget()
    pass(world, 60)
    await poll(world)
    assert.ok(paths(world, metadataRequests).includes(log))
    assert.not.ok(paths(world, metadataRequests).some((path) => path.includes('ours')))
    const changed = (await pages(world)).flatMap((page) => page.changed)
    assert.not.ok(
      changed.some(({ document }) => document.includes('ours')),
      'nor noted',
    )
    assert.match((await get(log)).body.toString(), '1.2.0')
  })

  test('stays open when it is opened again, after a restart, and when all is built anew', async (world) => {
    const { openVendor, events, restart, get, database } = world
    const before = await events()
    assert.equal((await openVendor({ vendor: 'acme' })).body, {
      vendor: 'acme',
      reserved: ['acme/ours'],
    })
    assert.is((await events()).length, before.length)
    await restart()
    assert.is((await get(log)).statusCode, 200)
    const once = await dumped(world)
    const snapshots = createSnapshotStore(database.db)
    for (const projection of projections) {
      await rebuild({
        db: database.db,
        log: world.log,
        projection,
        sources: sourcesOf(snapshots.get),
      })
    }
    assert.equal(await dumped(world), once)
    assert.is((await get(log)).statusCode, 200)
    assert.is((await get(ours)).statusCode, 401)
  })

  test('stays open when more is published of what it has', async ({ put, get }) => {
    assert.is((await put('acme/ours/1.1.0', packageZip({ name: 'acme/ours' }, '2'))).status, 201)
    assert.is((await get(log)).statusCode, 200)
  })

  test('is claimed again by a package that it did not have', async (world) => {
    const { put, get, other, openVendor } = world
    const zip = packageZip({ name: 'acme/more' })
    const refused = await put('acme/more/1.0.0', zip)
    assert.equal([refused.status, refused.problem.code], [409, 'vendor_is_public'])
    const begunAtMs = performance.now()
    assert.is((await put('acme/more/1.0.0?claim=true', zip)).status, 201)
    assert.ok(performance.now() - begunAtMs >= 2_000, 'it answers when all nodes know')
    for (const node of [get, other]) assert.is((await node(log)).statusCode, 401)
    const rows = await world.database.db.selectFrom('private_reserved').selectAll().execute()
    assert.equal(rows, [{ pattern: 'acme' }])
    const opened = await openVendor({ vendor: 'acme' })
    assert.equal(opened.body, { vendor: 'acme', reserved: ['acme/more', 'acme/ours'] })
    assert.is((await get(log)).statusCode, 200)
    assert.is((await get('/p2/acme/more.json')).statusCode, 401)
  })
})

describe(
  'opening a vendor',
  async () => await open({ PRIVATE_VENDORS: 'ac*' }),
  (test) => {
    test('is refused when the settings reserve it', async ({ openVendor }) => {
      const { status, body } = await openVendor({ vendor: 'acme' })
      assert.is(status, 409)
      const { code, detail } = body as Problem // as every refusal is
      assert.is(code, 'vendor_reserved')
      assert.is(detail, 'PRIVATE_VENDORS reserves acme: take it out of there first, on every node')
    })

    test('is for those who administer all vendors', async (world) => {
      const { openVendor, reader } = world
      const grants = [{ scope: 'admin' as const, vendors: ['beta'] }]
      const { token } = await issueToken(world, { grants })
      const bearer = { authorization: `Bearer ${token}` }
      assert.is((await openVendor({ vendor: 'beta' }, bearer)).status, 403)
      assert.is((await openVendor({ vendor: 'beta' }, reader)).status, 403)
    })

    test('takes the name of a vendor, and leaves one that is not reserved as it is', async (world) => {
      const { openVendor, events } = world
      for (const vendor of ['', 'Beta', 'beta/text', 'b*', 'beta/', '../x']) {
        assert.is((await openVendor({ vendor })).status, 400, vendor)
      }
      assert.equal((await openVendor({ vendor: 'beta' })).body, { vendor: 'beta', reserved: [] })
      assert.not.ok((await events()).some(({ type }) => type === 'VendorOpened'))
    })
  },
)
