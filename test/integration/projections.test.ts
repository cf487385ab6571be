import { times } from '../support/long.ts'
import { sourcesOf } from '../support/sources.ts'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { projections } from '../../projections/index.ts'
import { DocumentName, PackageName } from '../../src/composer/names.ts'
import type { EventLog } from '../../src/events/log.ts'
import { newEvent } from '../../src/events/new-event.ts'
import {
  archiveStream,
  cacheStream,
  documentStream,
  type DomainEvent,
  feedStream,
} from '../../src/events/types.ts'
import { decide, type Fetched } from '../../src/metadata/decide.ts'
import { applyBatch } from '../../src/projector/checkpoint.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { rebuild } from '../../src/projector/rebuild.ts'
import { sha256Of, type SnapshotStore } from '../../src/snapshots/store.ts'
import { addSeconds, floorToSecond, type Instant } from '../../src/time-machine/instant.ts'
import { createClock } from '../support/clock.ts'
import { dumpSchema } from '../support/dump.ts'
import { applyInBatches, dumpAll, openReadModels, type ReadModels } from '../support/read-models.ts'
import { describe } from '../support/suite.ts'

const names = ['acme/log', 'acme/log~dev', 'beta/text', 'packages.json'] as const

/** A page of one of two feeds that names some documents, changed a while ago. */
const page = fc.record({
  feed: fc.constantFrom('one.example', 'two.example'),
  kind: fc.constantFrom('plain', 'plain', 'plain', 'resync', 'more'),
  changed: fc.subarray([...names]),
  deleted: fc.subarray(['acme/log', 'beta/text']),
  agoSeconds: fc.constantFrom(0, 1, 399, 2000),
})
type Page = typeof page extends fc.Arbitrary<infer Value> ? Value : never

const fate = fc.constantFrom('stored', 'stored', 'used', 'evicted')

/** One thing that happens to one of a few documents, after some time. */
const step = fc.record({
  name: fc.constantFrom(...names),
  afterSeconds: fc.constantFrom(0, 1, 400, 1000),
  what: fc.oneof(
    fc.record({ body: fc.integer({ min: 0, max: 3 }), modified: fc.integer({ min: 0, max: 5 }) }),
    fc.constantFrom('not_modified' as const, 'missing' as const, 'failed' as const),
    fc.record({ archive: fc.integer({ min: 0, max: 3 }), becomes: fate }),
    page,
  ),
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

async function append(world: ReadModels, { name, what }: Step): Promise<void> {
  const { log, clock, snapshots } = world
  const document = DocumentName.parse(name)
  if (typeof what === 'object' && 'feed' in what) {
    await record(log, feedStream(`https://${what.feed}/`), feedRead(what, clock.now()))
    return
  }
  if (typeof what === 'object' && 'archive' in what) {
    await recordArchive(world, what)
    return
  }
  const before = await log.readStream(documentStream(document), { after: 0, limit: 1000 })
  const known = before.findLast(({ type }) => type === 'MetadataChanged')
  const [event, ...facts] = decide(
    {
      sha256: known?.type === 'MetadataChanged' ? known.data.sha256 : undefined,
      versions: new Map([['0.9.0', 'a'.repeat(40)]]),
    },
    {
      document,
      fetchedAt: clock.now(),
      durationMs: 1,
      fetched: await fetched(what, name, snapshots),
    },
  )
  for (const each of [event, ...facts]) await record(log, documentStream(document), each)
}

async function recordArchive(
  { log, clock }: ReadModels,
  { archive, becomes }: Extract<Step['what'], { archive: number }>,
): Promise<void> {
  const packageName = PackageName.parse('acme/log')
  const blob = { sha256: sha256Of(Buffer.from([archive])), sizeBytes: archive }
  if (becomes === 'used') {
    const access = { sha256: blob.sha256, at: clock.now(), count: 2, bytes: 2 * archive }
    await record(log, cacheStream, { type: 'ArchivesAccessed', data: { accesses: [access] } })
  } else if (becomes === 'evicted') {
    await record(log, cacheStream, { type: 'ArchiveEvicted', data: { ...blob, reason: 'lru' } })
  } else {
    await record(log, archiveStream(packageName), {
      type: 'ArchiveStored',
      data: {
        ...blob,
        packageName,
        versionNormalized: `1.${archive}.0.0`,
        reference: archive === 0 ? undefined : `${archive}`.repeat(40),
        distType: 'zip',
        sourceUrl: 'https://example.org/archive.zip',
        fetchedAt: clock.now(),
      },
    })
  }
}

function feedRead(
  { feed, kind, changed, deleted, agoSeconds }: Page,
  readAt: Instant,
): DomainEvent {
  const at = addSeconds(floorToSecond(readAt), -agoSeconds)
  return {
    type: 'ChangeFeedRead',
    data: {
      feed: `https://${feed}/changes.json`,
      until: 1,
      resync: kind === 'resync',
      changed: changed.map((name) => ({ document: DocumentName.parse(name), changedAt: at })),
      deleted: deleted.map((name) => ({ packageName: PackageName.parse(name), deletedAt: at })),
      readAt,
      ...(kind === 'more' && { more: true }),
    },
  }
}

async function record(log: EventLog, stream: string, event: DomainEvent): Promise<void> {
  await log.append({ stream, expected: 'any', events: [newEvent(event)] })
}

async function fetched(
  what: Exclude<Step['what'], { archive: number } | Page>,
  name: string,
  snapshots: SnapshotStore,
): Promise<Fetched> {
  if (what === 'not_modified') return { outcome: what }
  if (what === 'missing') return { outcome: what, status: 404 }
  if (what === 'failed')
    return { outcome: what, reason: 'timeout', why: { cause: 'timeout', host: 'upstream' } }
  const versions = Array.from({ length: what.body + 1 }, (_, n) => ({
    version: `1.${n}.0`,
    version_normalized: `1.${n}.0.0`,
    dist: {
      type: 'zip',
      url: `https://example.org/${n}/${what.body}`,
      reference: `${n}`.repeat(40),
    },
  }))
  const body = Buffer.from(JSON.stringify({ packages: { [name.replace('~dev', '')]: versions } }))
  return {
    outcome: 'body',
    sha256: await snapshots.put(body, undefined),
    sizeBytes: body.length,
    lastModified: createClock(`2026-05-01T00:00:0${what.modified}Z`).now(),
    versions: new Map([['1.0.0', `${what.body}`.repeat(40)]]),
  }
}

describe('read models', openReadModels, (test) => {
  test('rebuilt from the log they equal those that followed it, whatever happened', async (world) => {
    const { db, log, snapshots, clock } = world
    const histories = fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 25 }),
      batches: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(histories, async ({ steps, batches }) => {
        for (const each of steps) {
          clock.advance(each.afterSeconds)
          await append(world, each)
        }
        await applyInBatches(world, batches)
        const followed = await dumpAll(db)
        for (const projection of projections) {
          await rebuild({ db, log, projection, sources: sourcesOf(snapshots.get) })
        }
        assert.equal(await dumpAll(db), followed)
      }),
      // Each run goes on where the one before ended: the last rebuilds the history of all.
      { numRuns: times(12, 30), endOnFailure: true },
    )
    const [documents] = projections
    if (documents === undefined) throw new Error('there are no read models')
    const dump = await dumpSchema(db, schemaOf(documents))
    assert.ok((dump['document_history']?.length ?? 0) > 4, 'there was something to rebuild')
    assert.is(dump['document_feed']?.length, 2, 'both feeds were read')
  })

  test('the dates that clients revalidate by rise with every change of bytes', async ({ db }) => {
    const states = await db
      .selectFrom('document_history')
      .select(['document', 'sha256', 'served_last_modified', 'last_modified'])
      .orderBy('document')
      .orderBy('position')
      .execute()
    let compared = 0
    for (const [index, state] of states.entries()) {
      const before = states.slice(0, index).findLast(({ sha256 }) => sha256 !== null)
      if (before?.document !== state.document || state.sha256 === null) continue
      if (before.sha256 === state.sha256) continue
      compared += 1
      assert.ok((state.served_last_modified ?? '') > (before.served_last_modified ?? ''))
    }
    assert.ok(compared > times(1, 4), `${compared} changes of bytes were compared`)
  })

  test('a batch that was applied already is not applied again', async (world) => {
    const { db, log, snapshots } = world
    await applyInBatches(world, [50])
    const before = await dumpAll(db)
    for (const projection of projections) {
      const schema = schemaOf(projection)
      const events = await log.read(0n, 5)
      const sources = sourcesOf(snapshots.get)
      const position = await applyBatch(db, { projection, schema, events, after: 0n, sources })
      assert.is(position, await log.head(), 'it says where the read model really is')
    }
    assert.equal(await dumpAll(db), before)
  })
})
