import { sourcesOf } from './sources.ts'
import * as assert from 'uvu/assert'
import { projections } from '../../projections/index.ts'
import type { OpenDatabase } from '../../src/database/client.ts'
import { createPostgresLog } from '../../src/events/postgres.ts'
import type { RecordedEvent } from '../../src/events/types.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { rebuild } from '../../src/projector/rebuild.ts'
import { createSnapshotStore, sha256Of } from '../../src/snapshots/store.ts'
import { openBlobs, readBlob } from './blobs.ts'
import { dumpSchema } from './dump.ts'

/**
 * Checks what must be true of every database at every moment, and returns its events: positions and
 * versions are dense, every body that an event names is there and hashes to its name, and every read
 * model equals its rebuild. No projector may be running.
 */
export async function verifyDatabase({
  db,
  pool,
}: OpenDatabase): Promise<readonly RecordedEvent[]> {
  const log = createPostgresLog({ db })
  const snapshots = createSnapshotStore(db)
  const { blobs } = await openBlobs({ db, pool })
  const events = await log.read(0n, 1_000_000)
  const versions = new Map<string, number>()
  for (const [index, event] of events.entries()) {
    assert.is(event.position, BigInt(index + 1))
    assert.is(event.version, (versions.get(event.stream) ?? 0) + 1)
    versions.set(event.stream, event.version)
    if (event.type === 'MetadataChanged') {
      assert.is((await snapshots.get(event.data.sha256)).length, event.data.sizeBytes)
    }
    if (event.type === 'PrivateVersionPublished' || event.type === 'PrivateVersionWithdrawn') {
      await snapshots.get(event.data.documentSha256)
    }
    if (event.type === 'ArchiveStored' || event.type === 'PrivateVersionPublished') {
      const body = await readBlob(blobs, event.data.sha256)
      assert.is(sha256Of(body ?? Buffer.alloc(0)), event.data.sha256)
    }
  }
  for (const projection of projections) {
    const sources = sourcesOf(snapshots.get)
    await rebuild({ db, log, projection, sources }) // brings it up to the head as well
    const once = await dumpSchema(db, schemaOf(projection))
    await rebuild({ db, log, projection, sources })
    assert.equal(await dumpSchema(db, schemaOf(projection)), once)
  }
  return events
}
