import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { PackageName } from '../../src/composer/names.ts'
import { acknowledge, alertsOf } from '../support/alerts.ts'
import { documentOf, goodVersion } from '../support/hostile-documents.ts'
import { startService, type Service } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'
import { zip } from '../support/zip.ts'

const commit = 'c'.repeat(40)
const sha1Of = (bytes: Buffer) => createHash('sha1').update(bytes).digest('hex')
const files = (content: string, method: 'deflate' | 'stored' = 'deflate') =>
  zip([{ path: 'lib/v.txt', content }], { method })
const [first, repacked, other] = [files('one'), files('one', 'stored'), files('two')]
/** What it isn't called by is left out, as many repositories do. */
interface Said {
  readonly bytes: Buffer
  readonly reference?: string | null
  readonly shasum?: string
  readonly file?: string
}

const Repository = z.object({
  packages: z.record(z.string(), z.array(z.object({ dist: z.object({ url: z.string() }) }))),
})

async function open(settings: Readonly<Record<string, string>> = {}) {
  const service = await startService({ settings })
  let packages = 0
  /** A package of its own for each test. */
  function pack() {
    const name = `odd/packed${(packages += 1)}`
    /** Upstream has this as 1.0.0 from now on; the document is fetched anew, as after its time to live. */
    async function say({ bytes, reference = commit, shasum, file = 'a' }: Said) {
      const url = `${service.upstream.url}/${name}/${file}.zip`
      const dist = { type: 'zip', url, shasum: shasum ?? '', ...(reference && { reference }) }
      const body = documentOf(name, [{ ...goodVersion(name, '1.0.0'), dist }])
      const path = new RegExp(`${name}(\\.json|~dev)`)
      service.upstream.fail({ match: path, mode: 'own-words', body, headers: {} })
      has(bytes, file)
      service.clock.advance(3601)
      assert.is((await service.get(`/p2/${name}.json`)).statusCode, 200)
    }
    function has(bytes: Buffer, file = 'a'): void {
      const headers = { 'content-type': 'application/zip' }
      const match = new RegExp(`/${name}/${file}.zip$`)
      service.upstream.fail({ match, mode: 'own-words', body: bytes, headers })
    }
    const path = (reference = commit) => `/dist-proxy/${name}/1.0.0.0/${reference}.zip`
    /** Its bytes, or the status of another answer. */
    async function given(query = '', reference = commit): Promise<Buffer | number> {
      const { statusCode, body } = await service.get(path(reference) + query)
      return statusCode === 200 ? body : statusCode
    }
    const downloads = () => service.upstream.requestsFor(new RegExp(`/${name}/.*zip$`)).length
    return { name, say, given, has, downloads }
  }
  return { ...service, pack }
}

async function differing(service: Service, name: string) {
  const alerts = await alertsOf(service, 'archive_differs', '?state=open')
  return alerts.find(({ subject }) => subject.startsWith(`${name} `))
}
async function isDiffering(service: Service, name: string): Promise<boolean> {
  return (await differing(service, name)) !== undefined
}

/** What is in the cache of it, by the bytes and their worth. */
async function worthOf({ database }: Service, name: string): Promise<Record<string, number>> {
  const { rows } = await sql<{ sha256: string; worth: number }>`
    select distinct sha256, worth from blob_use join blob_source using (sha256)
    where package_name = ${name}`.execute(database.db)
  return Object.fromEntries(rows.map(({ sha256, worth }) => [sha256, worth]))
}
const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

describe('an archive that upstream packs anew', open, (test) => {
  test('is given as metadata says now, and the bytes before stay by their SHA-1', async (context) => {
    const { name, say, given, downloads } = context.pack()
    await say({ bytes: first, shasum: sha1Of(first) })
    assert.equal(await given(), first)
    await say({ bytes: repacked, shasum: sha1Of(repacked) })
    assert.equal(await given(), repacked)
    assert.equal(await given(), repacked)
    assert.equal(await given(`?sha1=${sha1Of(first)}`), first)
    assert.equal(await given(`?sha1=${sha1Of(repacked)}`), repacked)
    assert.is(downloads(), 2)
    assert.equal(await alertsOf(context, 'archive_differs'), [])
    const worth = await worthOf(context, name)
    assert.is(worth[sha256Of(first)], 2, 'lock files name it, and nobody else has it any more')
    assert.is(worth[sha256Of(repacked)], 1)
    await say({ bytes: first, shasum: sha1Of(first) })
    assert.equal(await given(), first, 'and back again')
    assert.is(downloads(), 2)
  })

  test('is not fetched again while upstream says what it said', async ({ pack, clock }) => {
    const { say, given, downloads } = pack()
    await say({ bytes: first, shasum: sha1Of(first) })
    await given()
    await say({ bytes: first, shasum: sha1Of(first), file: 'moved' })
    clock.advance(60)
    assert.equal(await given(), first)
    assert.is(downloads(), 1, 'the same bytes elsewhere are the same')
  })

  test('is what a former release stored, as long as its SHA-1 stays', async (context) => {
    const { name, say, given, downloads } = context.pack()
    await say({ bytes: first, shasum: sha1Of(first) })
    await given()
    await context.database.db
      .updateTable('archive')
      .set({ sha1: null })
      .where('package_name', '=', PackageName.parse(name))
      .execute()
    await say({ bytes: first, shasum: sha1Of(first), file: 'moved' })
    assert.equal(await given(`?sha1=${sha1Of(first)}`), first)
    assert.equal(await given(), first)
    assert.is(downloads(), 1)
    await say({ bytes: repacked, shasum: sha1Of(repacked) })
    assert.equal(await given(), repacked)
  })

  test('is not given with other files under one commit, which is an alert', async (context) => {
    const { name, say, given } = context.pack()
    await say({ bytes: first, shasum: sha1Of(first) })
    assert.equal(await given(), first)
    await say({ bytes: other, shasum: sha1Of(other) })
    assert.is(await given(), 502)
    const [alert] = await alertsOf(context, 'archive_differs', '?state=open')
    assert.match(alert?.subject ?? '', name)
    assert.equal(await given(`?sha1=${sha1Of(first)}`), first)
  })

  for (const isNamed of [true, false]) {
    const shasumOf = (bytes: Buffer) => (isNamed ? { shasum: sha1Of(bytes) } : {})
    const title = isNamed ? 'named by a SHA-1' : 'named by none'
    test(`has other files once somebody accepts them, and no others, ${title}`, async (context) => {
      const { name, say, has, given } = context.pack()
      await say({ bytes: first, ...shasumOf(first) })
      assert.equal(await given(), first)
      await say({ bytes: other, ...shasumOf(other) })
      context.clock.advance(86_400)
      await given()
      await eventually('it is an alert', async () => await isDiffering(context, name))
      const json = { package: name, reference: commit, reason: 'they say so' }
      const path = '/api/v1/proxy/accept-archive'
      const { status, body } = await context.api('POST', path, { json })
      assert.is(status, 200, JSON.stringify(body))
      assert.is(await isDiffering(context, name), false)
      if (!isNamed) {
        has(files('three'))
        assert.is(await given(), 502, 'these were not accepted')
        has(other)
      }
      assert.equal(await given(), other)
      assert.equal(await given(), other)
      assert.equal(await given(`?sha1=${sha1Of(first)}`), first)
    })
  }

  test('stays quiet about other files once the alert is acknowledged', async (context) => {
    const { name, say, given } = context.pack()
    await say({ bytes: first })
    await given()
    await say({ bytes: other })
    /** How often upstream was seen to differ, as the alert counts it. */
    async function seen(): Promise<number | undefined> {
      const alerts = await alertsOf(context, 'archive_differs', '?state=all')
      return alerts.find(({ subject }) => subject.startsWith(name))?.count
    }
    for (const round of [1, 2]) {
      context.clock.advance(86_400)
      assert.equal(await given(), first)
      await eventually(`upstream was asked, ${round}`, async () => (await seen()) === round)
      const alert = await differing(context, name)
      assert.is(alert === undefined, round === 2)
      if (alert !== undefined) await acknowledge(context, alert)
    }
    assert.is(await isDiffering(context, name), false)
    assert.equal(await given(), first)
  })

  test('stays what it was where its package is frozen', async (context) => {
    const { name, say, given } = context.pack()
    await say({ bytes: first, shasum: sha1Of(first) })
    assert.equal(await given(), first)
    const { status } = await context.api('POST', `/api/v1/proxy/freeze/${name}`, { json: {} })
    assert.is(status, 200)
    await say({ bytes: repacked, shasum: sha1Of(repacked) })
    assert.equal(await given(), first)
    await context.api('POST', `/api/v1/proxy/unfreeze/${name}`, { json: {} })
    await say({ bytes: repacked, shasum: sha1Of(repacked) })
    assert.equal(await given(), repacked)
  })

  test('has no bytes but those that metadata named', async ({ pack }) => {
    const { say, given, downloads } = pack()
    await say({ bytes: first, shasum: sha1Of(first) })
    await say({ bytes: repacked, shasum: sha1Of(repacked) })
    for (const query of [sha1Of(other), sha1Of(first), sha1Of(first).toUpperCase(), '', 'x']) {
      assert.is(await given(`?sha1=${query}`), 404, query)
    }
    assert.is(await given(`?sha1=${'a'.repeat(10_000)}`), 404)
    assert.is(downloads(), 0, 'upstream has other bytes there')
    await say({ bytes: other, shasum: sha1Of(other), file: 'third' })
    assert.equal(await given(`?sha1=${sha1Of(repacked)}`), repacked, 'where it was named before')
  })

  test('is fetched anew where the URL alone says what it is', async (context) => {
    const { name, say, given, downloads } = context.pack()
    await say({ bytes: first, reference: null, file: 'one' })
    assert.equal(await given('', ''), first)
    await say({ bytes: other, reference: null, file: 'two' })
    assert.equal(await given('', ''), other)
    assert.equal(await given('', ''), other)
    assert.is(downloads(), 2)
    assert.equal(Object.keys(await worthOf(context, name)), [sha256Of(other)])
  })
})

const rewrite = { PROXY_DIST_MODE: 'rewrite' }

describe(
  'an archive packed anew, with PROXY_DIST_MODE=rewrite',
  async () => await open(rewrite),
  (test) => {
    test('is named by its SHA-1, at a pin by the one of then', async ({
      pack,
      get,
      clock,
      url,
    }) => {
      const { name, say } = pack()
      async function named(pin: string): Promise<Buffer> {
        const { body } = await get(`${pin}/p2/${name}.json`)
        const { packages } = Repository.parse(JSON.parse(body.toString()))
        const [version] = packages[name] ?? []
        const template = version?.dist.url
          .replace('%package%', name)
          .replace('%version%', '1.0.0.0')
        const filled = template?.replace('%reference%', commit) ?? ''
        assert.ok(filled.startsWith(`${url}/dist-proxy/`))
        return (await get(filled.slice(url.length))).body
      }
      await say({ bytes: first, shasum: sha1Of(first) })
      assert.equal(await named(''), first)
      const then = `/at/${clock.now().slice(0, 19)}Z`
      await say({ bytes: repacked, shasum: sha1Of(repacked) })
      assert.equal(await named(''), repacked)
      assert.equal(await named(then), first)
    })
  },
)
