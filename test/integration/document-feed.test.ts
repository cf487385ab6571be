import { sourcesOf } from '../support/sources.ts'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { document } from '../../projections/document.ts'
import {
  readCurrentDocument,
  readFollowedFeed,
  readLagging,
  readNews,
  readUnseen,
} from '../../projections/document-queries.ts'
import { DocumentName, PackageName } from '../../src/composer/names.ts'
import { openDatabase } from '../../src/database/client.ts'
import { newEvent } from '../../src/events/new-event.ts'
import { createPostgresLog } from '../../src/events/postgres.ts'
import { documentStream, type DomainEvent, feedStream } from '../../src/events/types.ts'
import { applyBatch, ensureBuild, readCheckpoint } from '../../src/projector/checkpoint.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { addSeconds, type Instant } from '../../src/time-machine/instant.ts'
import { createClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe } from '../support/suite.ts'

type Page = Extract<DomainEvent, { readonly type: 'ChangeFeedRead' }>['data']

const start = createClock('2026-06-01T00:00:00Z').now()
/** So many seconds into the story. */
const at = (seconds: number): Instant => addSeconds(start, seconds)
const upstream = 'https://one.example/'
const nameOf = (name: string): DocumentName => DocumentName.parse(name)

/** The read model alone, and what was recorded: the story of each test begins with no documents. */
async function open() {
  const database = await createTestDatabase()
  const logger = pino({ level: 'silent' })
  const schemas = [schemaOf(document)]
  const { db } = openDatabase({ connectionString: database.url, logger, schemas })
  await ensureBuild(db, document)
  const log = createPostgresLog({ db, now: createClock('2026-07-01T00:00:00Z').now })

  async function record(stream: string, event: DomainEvent): Promise<void> {
    await log.append({ stream, expected: 'any', events: [newEvent(event)] })
    const after = (await readCheckpoint(db, schemaOf(document))) ?? 0n
    const events = await log.read(after, 1000)
    const sources = sourcesOf()
    await applyBatch(db, {
      projection: document,
      schema: schemaOf(document),
      events,
      after,
      sources,
    })
  }
  /** Fetched at `fetched`, when upstream had the document since `modified`. */
  const changed = async (name: string, { modified, fetched }: Fetch) => {
    const fetchedAt = at(fetched)
    const sha256 = sha256Of(Buffer.from(`${name} ${modified} ${fetched}`))
    const lastModified = modified === undefined ? undefined : at(modified)
    const data = { document: nameOf(name), sha256, sizeBytes: 1, lastModified, fetchedAt }
    await record(documentStream(data.document), { type: 'MetadataChanged', data })
  }
  const missing = async (name: string, fetched: number) => {
    const data = { document: nameOf(name), status: 404, fetchedAt: at(fetched) }
    await record(documentStream(data.document), { type: 'MetadataMissing', data })
  }
  const failed = async (name: string, fetched: number) => {
    const failure = { reason: 'timeout', durationMs: 1, fetchedAt: at(fetched) } as const
    const data = { document: nameOf(name), ...failure }
    await record(documentStream(data.document), { type: 'MetadataFetchFailed', data })
  }
  const read = async (page: Partial<Page> & { readonly readAt: Instant }, of = upstream) => {
    const empty = { feed: `${of}changes.json`, until: 7, resync: false, changed: [], deleted: [] }
    await record(feedStream(of), { type: 'ChangeFeedRead', data: { ...empty, ...page } })
  }
  const verifiedAt = async (name: string) =>
    (await readCurrentDocument(db, nameOf(name)))?.verified_at
  return {
    db,
    changed,
    missing,
    failed,
    read,
    verifiedAt,
    async close() {
      await db.destroy()
      await database.close()
    },
  }
}

interface Fetch {
  readonly modified?: number
  readonly fetched: number
}

function update(name: string, seconds: number): Page['changed'][number] {
  return { document: nameOf(name), changedAt: at(seconds) }
}

describe('what a page of the feed verifies', open, (test) => {
  test('every document that it does not name', async ({ changed, read, verifiedAt }) => {
    await changed('acme/log', { modified: 0, fetched: 10 })
    await changed('acme/log~dev', { modified: 0, fetched: 10 })
    await read({ readAt: at(100), changed: [update('acme/log', 50)] })
    assert.is(await verifiedAt('acme/log'), at(10))
    assert.is(await verifiedAt('acme/log~dev'), at(100))
  })

  test('also names without a package', async ({ missing, read, verifiedAt }) => {
    await missing('no/such', 110)
    await read({ readAt: at(200) })
    assert.is(await verifiedAt('no/such'), at(200))
  })

  test('not the root file, and not what upstream says has gone', async (world) => {
    const { changed, missing, read, verifiedAt } = world
    await changed('packages.json', { modified: 0, fetched: 210 })
    await changed('acme/doubtful', { modified: 0, fetched: 210 })
    await missing('acme/doubtful', 220)
    await read({ readAt: at(300) })
    assert.is(await verifiedAt('packages.json'), at(210))
    assert.is(await verifiedAt('acme/doubtful'), at(220))
  })

  test('nothing until its last part is there', async ({ read, verifiedAt }) => {
    await read({ readAt: at(400), more: true, changed: [] })
    assert.is(await verifiedAt('acme/log~dev'), at(300))
    await read({ readAt: at(400), changed: [update('acme/log~dev', 350)] })
    assert.is(await verifiedAt('acme/log~dev'), at(10), 'it was named in the end')
    assert.is(await verifiedAt('no/such'), at(400))
  })

  test('of two feeds the one followed last counts', async ({ db, read, verifiedAt }) => {
    const before = await readFollowedFeed(db, feedStream(upstream))
    assert.equal(before.last, {
      feed: 'https://one.example/changes.json',
      until: 7,
      readAt: at(400),
    })
    await read({ readAt: at(390) }, 'https://two.example/')
    assert.is(await verifiedAt('no/such'), at(390))
    const after = await readFollowedFeed(db, feedStream(upstream))
    assert.equal(after, { streamVersion: before.streamVersion, last: undefined })
    const never = await readFollowedFeed(db, 'feed-three.example')
    assert.equal(never, { streamVersion: 0, last: undefined })
  })
})

describe('what is news', open, (test) => {
  test('is what a known document has not shown yet', async ({ db, changed, missing, read }) => {
    await changed('a/older', { modified: 99, fetched: 500 })
    await changed('a/same', { modified: 100, fetched: 500 })
    await changed('a/newer', { modified: 101, fetched: 500 })
    await changed('a/undated', { fetched: 500 })
    await missing('a/never-there', 500)
    await changed('a/doubtful', { modified: 100, fetched: 500 })
    await missing('a/doubtful', 501)
    await changed('a/noted', { modified: 0, fetched: 500 })
    await read({ readAt: at(600), changed: [update('a/noted', 100)] })
    const names = ['older', 'same', 'newer', 'undated', 'never-there', 'doubtful', 'noted', 'other']
    async function newsOf(change: 'update' | 'delete', changedAt: Instant): Promise<string[]> {
      const changes = names.map((name) => ({ document: nameOf(`a/${name}`), change, changedAt }))
      const news = await readNews(db, changes, [])
      return news.map((each) => each.document.slice(2)).toSorted()
    }
    const updated = ['doubtful', 'never-there', 'older', 'undated']
    assert.equal(await newsOf('update', at(100)), updated)
    assert.equal(await newsOf('update', at(102)), [...updated, 'newer', 'noted', 'same'].toSorted())
    assert.equal(await newsOf('delete', at(100)), ['doubtful', 'noted', 'older', 'undated'])
  })

  test('of a document that is named twice is the last', async ({ db }) => {
    const changes = [
      { document: nameOf('a/same'), change: 'delete', changedAt: at(300) },
      { document: nameOf('a/same'), change: 'update', changedAt: at(200) },
    ] as const
    const news = await readNews(db, changes, [])
    assert.equal(news, [{ document: 'a/same', change: 'delete', changedAt: at(300) }])
  })
})

describe('what is to be fetched', open, (test) => {
  test('is what was named, first, and then what a resync left in doubt', async (world) => {
    const { db, changed, missing, read } = world
    for (const name of ['a/one', 'a/two', 'a/three', 'packages.json']) {
      await changed(name, { modified: 0, fetched: 10 })
    }
    await missing('a/never-there', 10)
    await read({ readAt: at(100), resync: true })
    await read({ readAt: at(200), changed: [update('a/two', 150), update('a/never-there', 150)] })
    const due = await readUnseen(db, { now: at(200), limit: 10, reservedPatterns: [] })
    assert.equal(due, ['a/two', 'a/one', 'a/three'])
    assert.equal(await readUnseen(db, { now: at(200), limit: 1, reservedPatterns: [] }), ['a/two'])
  })

  test('again after half a minute, and then less and less often', async ({ db, failed }) => {
    const instants: number[] = []
    for (let seconds = 200; seconds < 4000; seconds += 10) {
      const due = await readUnseen(db, { now: at(seconds), limit: 10, reservedPatterns: [] })
      if (!due.includes(nameOf('a/two'))) continue
      instants.push(seconds)
      await failed('a/two', seconds)
    }
    assert.equal(instants, [200, 230, 260, 290, 340, 410, 520, 680, 920, 1280, 1820, 2630, 3850])
  })

  test('not when upstream’s answer has the change', async ({ db, changed }) => {
    await changed('a/one', { modified: 90, fetched: 110 })
    await changed('a/two', { modified: 149, fetched: 300 })
    assert.equal(await readUnseen(db, { now: at(9000), limit: 10, reservedPatterns: [] }), [
      'a/two',
      'a/three',
    ])
    assert.equal(await readLagging(db, [nameOf('a/one'), nameOf('a/two')]), ['a/two'])
    await changed('a/two', { modified: 150, fetched: 310 })
    assert.equal(await readUnseen(db, { now: at(9000), limit: 10, reservedPatterns: [] }), [
      'a/three',
    ])
    assert.equal(await readLagging(db, [nameOf('a/two')]), [])
  })

  test('not when upstream was asked after the resync', async ({ db, changed }) => {
    await changed('a/three', { modified: 80, fetched: 99 })
    assert.equal(await readUnseen(db, { now: at(9000), limit: 10, reservedPatterns: [] }), [
      'a/three',
    ])
    await changed('a/three', { modified: 80, fetched: 100 })
    assert.equal(await readUnseen(db, { now: at(9000), limit: 10, reservedPatterns: [] }), [])
  })

  test('a deleted package is gone with the first “no such”', async (world) => {
    const { db, changed, missing, read } = world
    await changed('a/four', { modified: 0, fetched: 5000 })
    const deleted = [{ packageName: PackageName.parse('a/four'), deletedAt: at(5050) }]
    await read({ readAt: at(5100), deleted })
    await missing('a/four', 5101)
    const row = await readCurrentDocument(db, nameOf('a/four'))
    assert.equal([row?.gone, row?.unseen_change], [true, null])
  })
})
