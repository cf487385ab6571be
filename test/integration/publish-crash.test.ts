import { sourcesOf } from '../support/sources.ts'
import { readdirSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { projections } from '../../projections/index.ts'
import { readUnlisted } from '../../projections/blob-use-queries.ts'
import { readPrivateVersions, readUnnamedBlobs } from '../../projections/private-package.ts'
import { sweep } from '../../src/archives/sweep.ts'
import { PackageName } from '../../src/composer/names.ts'
import { openDatabase } from '../../src/database/client.ts'
import { createPostgresLog } from '../../src/events/postgres.ts'
import { createPublish, type PublishOptions } from '../../src/private/publish/publish.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { startProjector } from '../../src/projector/run.ts'
import { createSnapshotStore } from '../../src/snapshots/store.ts'
import { checkObjects, openBlobs, readBlob } from '../support/blobs.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { packageZip } from '../support/publishing.ts'
import { describe, rejection } from '../support/suite.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const packageName = PackageName.parse('own/log')
const logger = pino({ level: 'silent' })

async function open() {
  const database = await createTestDatabase()
  const opened = openDatabase({
    connectionString: database.url,
    logger,
    schemas: projections.map(schemaOf),
  })
  const { db } = opened
  const { blobs, clock } = await openBlobs(opened)
  const log = createPostgresLog({ db, now: clock.now })
  const snapshots = createSnapshotStore(db)
  const sources = sourcesOf(snapshots.get)
  const projector = await startProjector({ db, log, projections, sources, logger })
  const stagingDirectory = temporaryDirectory('staging')
  const options: PublishOptions = {
    stagingDirectory,
    hasRoomOnDisk: async () => true,
    blobs,
    snapshots,
    log,
    until: projector.waitFor,
    isReserved: async () => true,
    reservedNames: async () => ({ has: () => true, patterns: [] }),
    hasPublicPackages: async () => false,
    hasOpenMetrics: async () => false,
    now: clock.now,
    logger,
  }
  return {
    db,
    blobs,
    clock,
    options,
    log,
    staged: () => readdirSync(stagingDirectory),
    publish: async (changed: Partial<PublishOptions> = {}, version = '1.0.0') => {
      const zip = packageZip({ name: packageName }, version)
      const actor = { actor: 'admin', mayPublish: () => true, requestId: 'request-1' }
      const request = { packageName, version, publishedTime: undefined, claim: false, ...actor }
      const upload = { bytes: Readable.from([zip]), sizeBytes: zip.length }
      return await createPublish({ ...options, ...changed }).publish(request, upload)
    },
    sweep: async () => {
      await projector.waitFor(await log.head())
      return await sweep({
        db,
        unlisted: async (filter) => await readUnlisted(db, filter),
        unnamed: async (before) => await readUnnamedBlobs(db, before),
        now: clock.now,
        logger,
      })
    },
    close: async () => {
      await checkObjects(db)
      await projector.stop()
      await db.destroy()
      await database.close()
    },
  }
}

class Crash extends Error {}

/** A call that breaks off before it does anything, or after it did all. */
function failing<Args extends readonly unknown[], Result>(
  call: (...args: Args) => Promise<Result>,
  when: 'before' | 'after',
): (...args: Args) => Promise<Result> {
  return async (...args) => {
    if (when === 'before') throw new Crash()
    await call(...args)
    throw new Crash()
  }
}

describe('a publication that breaks off', open, (test) => {
  const steps: readonly (readonly [
    string,
    (options: PublishOptions, when: 'before' | 'after') => Partial<PublishOptions>,
  ])[] = [
    ['the archive', ({ blobs }, when) => ({ blobs: { ...blobs, put: failing(blobs.put, when) } })],
    [
      'the document',
      ({ snapshots }, when) => ({ snapshots: { ...snapshots, put: failing(snapshots.put, when) } }),
    ],
    ['the event', ({ log }, when) => ({ log: { ...log, append: failing(log.append, when) } })],
  ]
  for (const [index, [what, broken]] of steps.entries()) {
    for (const when of ['before', 'after'] as const) {
      const version = `1.${index}.${when === 'before' ? 0 : 1}`
      const isPublished = what === 'the event' && when === 'after'

      test(`${when} ${what} leaves nothing after a sweep, and can be made again`, async (world) => {
        const { db, publish, options, clock, staged, log, blobs } = world
        assert.instance(await rejection(publish(broken(options, when), version)), Crash)
        assert.equal(staged(), [])
        await checkObjects(db)
        const events = await log.read(0n, 1000)
        const named = events.flatMap(({ data }) => ('sha256' in data ? [data.sha256] : []))
        for (const sha256 of named) assert.ok((await readBlob(blobs, sha256)) !== undefined)
        clock.advance(3601)
        await world.sweep()
        const stored = await db.selectFrom('blob').select('sha256').execute()
        assert.equal(
          stored.map(({ sha256 }) => String(sha256)).toSorted(),
          named.map(String).toSorted(),
        )
        assert.is((await publish({}, version)).outcome, isPublished ? 'unchanged' : 'published')
        assert.equal(
          (await readPrivateVersions(db, packageName)).filter((row) => row.version === version)
            .length,
          1,
        )
      })
    }
  }

  test('for want of room keeps nothing and says so', async ({ publish, options, db }) => {
    const { blobs } = options
    const full = { blobs: { ...blobs, put: async () => 'full' as const } }
    const before = await db.selectFrom('blob').select('sha256').execute()
    assert.match(String(await rejection(publish(full, '9.0.0'))), 'no room')
    const once = { hasRoomOnDisk: async (sizeBytes: number) => sizeBytes > 0 && sizeBytes < 1000 }
    assert.is((await publish(once, '9.0.1')).outcome, 'published')
    assert.match(String(await rejection(publish({ hasRoomOnDisk: async () => false }))), 'no room')
    assert.is((await db.selectFrom('blob').select('sha256').execute()).length, before.length + 1)
  })
})
