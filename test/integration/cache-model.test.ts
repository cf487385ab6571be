import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { readLeastUsed } from '../../projections/blob-use-queries.ts'
import { removeBlobs } from '../../src/archives/remove.ts'
import type { Cache } from '../../src/archives/evict.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { pino } from 'pino'
import { putBlob } from '../support/blobs.ts'
import { openTestCache, type TestCache } from '../support/cache.ts'
import { times } from '../support/long.ts'
import { describe } from '../support/suite.ts'

const sizeBytes = 1000
const roomFor = 3
const bodies = [0, 1, 2, 3, 4].map(() => randomBytes(sizeBytes))
const names = bodies.map(sha256Of)
const logger = pino({ level: 'silent' })

const step = fc.record({
  /** The last two: a process is killed between a blob and its event, when storing and when evicting. */
  what: fc.constantFrom('store', 'store', 'store', 'use', 'use', 'tidy', 'put only', 'remove only'),
  n: fc.nat(bodies.length - 1),
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** What there should be: in the list from the least recently used on, and in the store. */
interface Model {
  listed: readonly number[]
  there: ReadonlySet<number>
}

const without = (all: Iterable<number>, ...some: readonly number[]) =>
  [...all].filter((n) => !some.includes(n))

function doStep({ listed, there }: Model, { what, n }: Step): Model {
  if (what === 'store') {
    const kept = listed.slice(Math.max(0, listed.length - (roomFor - 1)))
    const left = without(there, ...without(listed, ...kept))
    return { listed: [...without(kept, n), n], there: new Set([...left, n]) }
  }
  if (what === 'use') {
    return { listed: listed.includes(n) ? [...without(listed, n), n] : listed, there }
  }
  if (what === 'put only') return { listed, there: new Set([...there, n]) }
  if (what === 'remove only') return { listed, there: new Set(without(there, n)) }
  const both = listed.filter((each) => there.has(each))
  return { listed: both, there: new Set(both) }
}

async function really(world: TestCache, cache: Cache, { what, n }: Step): Promise<void> {
  const { db, clock, blobs, name, use } = world
  const body = bodies[n] ?? Buffer.alloc(0)
  clock.advance(1)
  if (what === 'use') await use(sha256Of(body))
  else if (what === 'put only') await putBlob(blobs, body)
  else if (what === 'remove only') {
    await removeBlobs(db, { names: [sha256Of(body)], now: clock.now, logger })
  } else if (what === 'tidy') {
    clock.advance(3601) // what isn't named by now never will be
    await cache.tidy()
  } else {
    await cache.withRoomFor(sizeBytes, async () => {
      await putBlob(blobs, body)
      await name(body)
    })
  }
}

describe('the cache', openTestCache, (test) => {
  test('is that of a simple model, whatever is stored, used, evicted and killed', async (world) => {
    const { db, openCache, check } = world
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        await openCache({ maxSizeBytes: 0 }).tidy()
        const cache = openCache({ maxSizeBytes: roomFor * sizeBytes })
        let model: Model = { listed: [], there: new Set() }
        for (const each of [...steps, { what: 'tidy', n: 0 } as const]) {
          await really(world, cache, each)
          model = doStep(model, each)
          const listed = (await readLeastUsed(db, 100)).map(({ sha256 }) => names.indexOf(sha256))
          assert.equal(listed, model.listed, JSON.stringify(each))
          const there = await db.selectFrom('blob').select('sha256').execute()
          assert.equal(
            new Set(there.map(({ sha256 }) => names.indexOf(sha256))),
            model.there,
            JSON.stringify(each),
          )
        }
        await check()
      }),
      { numRuns: times(6, 60), endOnFailure: true },
    )
  })
})
