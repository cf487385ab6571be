import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { projections } from '../../projections/index.ts'
import { DocumentName, filterSummary, PackageName } from '../../src/composer/names.ts'
import { newEvent } from '../../src/events/new-event.ts'
import {
  archiveStream,
  cacheStream,
  documentStream,
  type DomainEvent,
  type Sha256,
} from '../../src/events/types.ts'
import { rebuild } from '../../src/projector/rebuild.ts'
import { addSeconds, type Instant } from '../../src/time-machine/instant.ts'
import { createClock } from '../support/clock.ts'
import { fuzz } from '../support/fuzz.ts'
import { hostileDocument, hostileSummary, hostileText } from '../support/hostile-answers.ts'
import { applyInBatches, dumpAll, openReadModels, type ReadModels } from '../support/read-models.ts'
import { sourcesOf } from '../support/sources.ts'
import { describe } from '../support/suite.ts'

const packageName = PackageName.parse('acme/log')
const text = hostileText.filter(({ length }) => length <= 500)
const document = fc.constantFrom('acme/log', 'acme/log~dev').map((name) => DocumentName.parse(name))

/** Years away, or as dates are. */
const instant: fc.Arbitrary<Instant> = fc
  .constantFrom(
    '1970-01-01T00:00:00Z',
    '2026-05-31T23:59:59Z',
    '2026-06-01T00:01:30Z',
    '9999-12-31T23:59:55Z',
  )
  .map((each) => createClock(each).now())

type Make = (about: {
  readonly fetchedAt: Instant
  readonly sha256: Sha256
}) => readonly [string, DomainEvent]

interface Recorded {
  readonly body: string
  readonly make: Make
}

const ofDocument = fc
  .record({
    document,
    body: hostileDocument({ name: packageName, distUrl: 'https://git.example/a.zip' }),
  })
  .map(({ document: name, body }) => ({ name, body }))

const changed = fc
  .record({
    of: fc.oneof(
      ofDocument,
      hostileSummary.map((body) => ({ name: filterSummary, body })),
    ),
    lastModified: fc.option(instant, { nil: undefined }),
    rejected: fc.array(text, { maxLength: 2 }),
    confirms: fc.boolean(),
  })
  .map(({ of: { name, body }, lastModified, rejected, confirms }): Recorded => ({
    body,
    make: ({ fetchedAt, sha256 }) => {
      const left = name === filterSummary ? [] : rejected // all of a summary is taken, or nothing
      const rejectedVersions = left.map((version) => ({ version, problem: version }))
      const data = { document: name, sha256, lastModified, fetchedAt, rejectedVersions }
      return [
        documentStream(name),
        confirms
          ? { type: 'MetadataConfirmed', data }
          : { type: 'MetadataChanged', data: { ...data, sizeBytes: body.length } },
      ]
    },
  }))

const fact = fc
  .record({ document, version: text, from: text, to: text, moves: fc.boolean() })
  .map(({ moves, from, to, ...about }): Recorded => ({
    body: '{}',
    make: ({ fetchedAt }) => [
      documentStream(about.document),
      moves
        ? { type: 'ReferenceMoved', data: { ...about, from, to, fetchedAt } }
        : { type: 'VersionWithdrawn', data: { ...about, reference: from, fetchedAt } },
    ],
  }))

const page = fc
  .record({
    document,
    changedAt: instant,
    deletedAt: instant,
    resync: fc.boolean(),
    until: fc.constantFrom(0, 2 ** 53 - 1),
  })
  .map(({ document: name, changedAt, deletedAt, resync, until }): Recorded => ({
    body: '{}',
    make: ({ fetchedAt: readAt }) => [
      'feed-one',
      {
        type: 'ChangeFeedRead',
        data: {
          feed: 'https://one.example/changes.json',
          until,
          resync,
          changed: [{ document: name, changedAt }],
          deleted: [{ packageName, deletedAt }],
          readAt,
        },
      },
    ],
  }))

/** What an archive is called comes out of a read model, so there is no NUL in it. */
const archiveText = text.filter((each) => !each.includes('\0'))

const archive = fc
  .record({
    versionNormalized: archiveText,
    reference: archiveText,
    etag: archiveText,
    lastModified: instant,
    kind: fc.constantFrom('stored', 'confirmed', 'differed', 'missing', 'evicted'),
  })
  .map(({ kind, versionNormalized, reference, ...validators }): Recorded => ({
    body: '{}',
    make: ({ fetchedAt, sha256 }) => {
      const about = { packageName, versionNormalized, reference, distType: 'zip', fetchedAt }
      const sourceUrl = 'https://git.example/a.zip'
      const size = { sha256, sizeBytes: Number.MAX_SAFE_INTEGER }
      const trees = { treeSha256: sha256, upstreamTreeSha256: sha256, upstreamSha256: sha256 }
      const events: Readonly<Record<typeof kind, DomainEvent>> = {
        stored: { type: 'ArchiveStored', data: { ...about, ...validators, ...size, sourceUrl } },
        confirmed: { type: 'ArchiveConfirmed', data: { ...about, ...validators, sha256 } },
        differed: { type: 'ArchiveDiffered', data: { ...about, ...trees, sourceUrl } },
        missing: { type: 'ArchiveMissing', data: { ...about, status: 410, sourceUrl } },
        evicted: { type: 'ArchiveEvicted', data: { ...size, reason: 'lru' } },
      }
      return [kind === 'evicted' ? cacheStream : archiveStream(packageName), events[kind]]
    },
  }))

const recorded = fc.oneof({ weight: 3, arbitrary: changed }, fact, page, archive)

async function record(
  { log, clock, snapshots }: ReadModels,
  { body, make }: Recorded,
): Promise<void> {
  clock.advance(30)
  const sha256 = await snapshots.put(Buffer.from(body), undefined)
  const [stream, event] = make({ fetchedAt: addSeconds(clock.now(), -1), sha256 })
  await log.append({ stream, expected: 'any', events: [newEvent(event)] })
}

describe(
  'read models over a log that is as hostile as its schema lets it be',
  openReadModels,
  (test) => {
    test('take every event of it, and come out the same when they are built anew', async (world) => {
      const { db, log, snapshots } = world
      const sources = sourcesOf(snapshots.get)
      for (const seed of fuzz('what was recorded', 4).rounds()) {
        const histories = fc.array(recorded, { minLength: 10, maxLength: 30 })
        await fc.assert(
          fc.asyncProperty(histories, async (events) => {
            for (const each of events) await record(world, each)
            await applyInBatches(world, [7, 1])
          }),
          { seed, numRuns: 3, endOnFailure: true },
        )
        const followed = await dumpAll(db)
        for (const projection of projections) await rebuild({ db, log, projection, sources })
        assert.equal(await dumpAll(db), followed)
      }
    })
  },
)
