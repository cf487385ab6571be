import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import * as assert from 'uvu/assert'
import type { BlobStore } from '../../src/archives/blobs.ts'
import { createMemoryTier } from '../../src/archives/memory-tier.ts'
import type { Sha256 } from '../../src/events/types.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { describe, rejection } from '../support/suite.ts'

const mebibyte = 1024 * 1024

/** A store that counts how often blobs are read from it. */
function createCountedStore() {
  const bodies = new Map<Sha256, Buffer>()
  const counts = { reads: 0, failing: false }
  const blobs: BlobStore = {
    put: async () => 'kept',
    async find(sha256) {
      const body = bodies.get(sha256)
      if (body === undefined) return undefined
      return {
        sha256,
        sizeBytes: body.length,
        async *bytes(range) {
          counts.reads += 1
          if (counts.failing) throw new Error('corrupt')
          yield body.subarray(range?.from, range?.to)
        },
      }
    },
  }
  function add(sizeBytes: number): Sha256 {
    const body = randomBytes(sizeBytes)
    bodies.set(sha256Of(body), body)
    return sha256Of(body)
  }
  return { blobs, bodies, counts, add }
}

async function read(blobs: BlobStore, sha256: Sha256): Promise<Buffer> {
  return await buffer((await blobs.find(sha256))?.bytes() ?? Readable.from([]))
}

describe(
  'blobs in memory',
  async () => ({}),
  (test) => {
    test('are read from the store once, also by many at once', async () => {
      const { blobs, bodies, counts, add } = createCountedStore()
      const tier = createMemoryTier(blobs, 10 * mebibyte)
      const sha256 = add(100_000)
      const all = await Promise.all([1, 2, 3].map(async () => await read(tier, sha256)))
      for (const each of all) assert.ok(each.equals(bodies.get(sha256) ?? Buffer.alloc(0)))
      assert.ok((await tier.find(sha256))?.held?.equals(all[0] ?? Buffer.alloc(0)))
      assert.is(counts.reads, 1)
    })

    test('are not read at all by who only looks for them', async () => {
      const { blobs, counts, add } = createCountedStore()
      const blob = await createMemoryTier(blobs, mebibyte).find(add(100))
      assert.is(blob?.sizeBytes, 100)
      blob?.bytes()
      assert.is(counts.reads, 0)
    })

    test('make place for others once they take what they may', async () => {
      const { blobs, counts, add } = createCountedStore()
      const tier = createMemoryTier(blobs, 3 * mebibyte)
      const [first, second, third] = [add(mebibyte), add(mebibyte), add(mebibyte)]
      for (const each of [first, second, first, third]) await read(tier, each)
      assert.is(counts.reads, 3)
      assert.ok((await tier.find(first))?.held !== undefined, 'asked for after the second')
      assert.is((await tier.find(second))?.held, undefined)
    })

    test('are small: others are left to the store, and nothing is kept with 0', async () => {
      const { blobs, counts, add } = createCountedStore()
      const large = add(2 * mebibyte + 1)
      const small = add(10)
      const tier = createMemoryTier(blobs, 100 * mebibyte)
      for (const _ of [1, 2]) await read(tier, large)
      for (const _ of [1, 2]) await read(createMemoryTier(blobs, 0), small)
      assert.is(counts.reads, 4)
    })

    test('are not kept when their store found them corrupt', async () => {
      const { blobs, counts, add } = createCountedStore()
      const tier = createMemoryTier(blobs, mebibyte)
      const sha256 = add(10)
      counts.failing = true
      assert.match(String(await rejection(read(tier, sha256))), 'corrupt')
      counts.failing = false
      assert.is((await read(tier, sha256)).length, 10)
    })
  },
)
