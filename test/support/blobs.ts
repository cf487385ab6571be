import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import type { Blob, BlobStore } from '../../src/archives/blobs.ts'
import { createLargeObjectStore } from '../../src/archives/large-objects.ts'
import { type CorruptBlob, createLose, type ObjectReads } from '../../src/archives/object-reads.ts'
import { createSliceMemory } from '../../src/archives/slice-memory.ts'
import { openByteReader } from '../../src/database/byte-reader.ts'
import type { OpenDatabase } from '../../src/database/client.ts'
import type { Db } from '../../src/database/schema.ts'
import type { Sha256 } from '../../src/events/types.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { createClock, type TestClock } from './clock.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** The blob store of the service over a test's database, and what it told of damage. */
export interface TestBlobs {
  readonly blobs: BlobStore
  readonly clock: TestClock
  readonly damaged: readonly CorruptBlob[]
  /** What the store is made of. */
  readonly reads: ObjectReads
}

export async function openBlobs({ db, pool }: OpenDatabase): Promise<TestBlobs> {
  const damaged: CorruptBlob[] = []
  const clock = createClock()
  const reads: ObjectReads = {
    db,
    readBytes: await openByteReader(pool, pino({ level: 'silent' })),
    memory: createSliceMemory(),
    now: clock.now,
    lose: createLose({
      db,
      now: clock.now,
      onCorrupt: async (blob) => void damaged.push(blob),
    }),
  }
  return { blobs: createLargeObjectStore(reads), clock, damaged, reads }
}

const directory = temporaryDirectory('blobs')

/** Puts them under their hash, or under another. */
export async function putBlob(
  blobs: BlobStore,
  body: Buffer,
  named = sha256Of(body),
): Promise<Sha256> {
  // One of its own: the same blob may be put twice at once, and one would read what the other begins to write.
  const file = path.join(directory, randomUUID())
  writeFileSync(file, body)
  assert.is(await blobs.put(file, named), 'kept')
  return named
}

/** Undefined when it isn't there. */
export async function readBlob(blobs: BlobStore, sha256: Sha256): Promise<Buffer | undefined> {
  const blob = await blobs.find(sha256)
  return blob === undefined ? undefined : await bytesOf(blob)
}

/** What it gives, of all of it or of a part; each piece is copied, since its memory is used again. */
export async function bytesOf(blob: Blob, ...range: Parameters<Blob['bytes']>): Promise<Buffer> {
  const pieces = []
  for await (const piece of blob.bytes(...range)) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

/** Whatever happened: no object without its row, here or in quarantine, and no row without its object. */
export async function checkObjects(db: Db): Promise<void> {
  const { rows } = await sql`
    select m.oid, b.oid as named from pg_largeobject_metadata m
    full join (select oid from blob union all select oid from blob_quarantine) b on b.oid = m.oid
    where m.oid is null or b.oid is null`.execute(db)
  assert.equal(rows, [])
}
