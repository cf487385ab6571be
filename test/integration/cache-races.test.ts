import { EventEmitter, once } from 'node:events'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { removeBlobs } from '../../src/archives/remove.ts'
import { sweep } from '../../src/archives/sweep.ts'
import type { EventLog } from '../../src/events/log.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { pino } from 'pino'
import { readUnlisted } from '../../projections/blob-use-queries.ts'
import { putBlob, readBlob } from '../support/blobs.ts'
import { openTestCache, type TestCache } from '../support/cache.ts'
import { times } from '../support/long.ts'
import { describe, rejection } from '../support/suite.ts'

const logger = pino({ level: 'silent' })

/** A log that lets a test do something between what is evicted and its being told. */
function slowLog(log: EventLog): {
  readonly log: EventLog
  readonly arrived: Promise<unknown>
  readonly release: () => void
} {
  const events = new EventEmitter()
  const arrived = once(events, 'arrived')
  const released = once(events, 'released')
  return {
    arrived,
    release: () => void events.emit('released'),
    log: {
      ...log,
      async append(append) {
        events.emit('arrived')
        await released
        return await log.append(append)
      },
    },
  }
}

async function stored(
  { blobs, name }: TestCache,
  body: Buffer = randomBytes(1000),
): Promise<Buffer> {
  await putBlob(blobs, body)
  await name(body)
  return body
}

describe('a blob that is stored and evicted at once', openTestCache, (test) => {
  test('and named before its eviction is told, is gone from store and list', async (world) => {
    const { log, openCache, check, blobs } = world
    const body = await stored(world)
    const slow = slowLog(log)
    const evicting = openCache({ maxSizeBytes: 0, log: slow.log }).tidy()
    await slow.arrived
    assert.is(await blobs.find(sha256Of(body)), undefined)
    await stored(world, body) // as it is wanted again, on this node or another
    slow.release()
    await evicting
    await check()
    assert.is(await blobs.find(sha256Of(body)), undefined)
  })

  test('and named after it was evicted, is fetched again, or told by the next tidying', async (world) => {
    const { openCache, check, blobs, name } = world
    const body = await stored(world)
    const cache = openCache({ maxSizeBytes: 1_000_000 })
    for (const isFetchedAgain of [true, false]) {
      await putBlob(blobs, body) // is there already, so nothing is written
      await openCache({ maxSizeBytes: 0 }).tidy()
      await name(body)
      assert.is(await blobs.find(sha256Of(body)), undefined)
      assert.ok(await rejection(check()), 'it is listed and not there')
      if (isFetchedAgain) await putBlob(blobs, body)
      else await cache.tidy()
      await check()
    }
  })

  test('by two nodes again and again, is whole or gone in the end', async (world) => {
    const { openCache, check, blobs, clock } = world
    const bodies = [1, 2, 3].map(() => randomBytes(1000))
    const [one, other] = [1500, 2500].map((maxSizeBytes) => openCache({ maxSizeBytes }))
    const work = fc.array(fc.constantFrom(0, 1, 2, 3, 4), { minLength: 4, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(work, work, async (...steps) => {
        await Promise.all(
          [one, other].map(async (node, index) => {
            for (const step of steps[index] ?? []) {
              const body = bodies[step]
              if (body === undefined) await node?.tidy()
              else await node?.withRoomFor(1000, async () => void (await stored(world, body)))
            }
          }),
        )
        clock.advance(3601)
        for (const node of [one, other]) await node?.tidy()
        await check()
        for (const body of bodies) {
          const left = await readBlob(blobs, sha256Of(body))
          assert.ok(left === undefined || left.equals(body))
        }
      }),
      { numRuns: times(5, 45), endOnFailure: true },
    )
  })
})

describe('what nothing names', openTestCache, (test) => {
  test('is removed when it is older than an hour, and what is listed never', async (world) => {
    const { blobs, clock, openCache, check, lines } = world
    const cache = openCache({ maxSizeBytes: 1_000_000 })
    const named = await stored(world)
    const unnamed = await putBlob(blobs, randomBytes(1000))
    clock.advance(3600)
    await cache.tidy()
    assert.ok((await blobs.find(unnamed)) !== undefined, 'its event may be yet to come')
    clock.advance(1)
    await cache.tidy()
    assert.is(await blobs.find(unnamed), undefined)
    assert.ok((await blobs.find(sha256Of(named))) !== undefined)
    await check()
    assert.match(lines.join(''), 'nothing names')
  })

  test('is young again when it is put again, also while it is about to be removed', async (world) => {
    const { db, blobs, clock, openCache, name, check } = world
    const body = randomBytes(1000)
    const sha256 = await putBlob(blobs, body)
    clock.advance(3601)
    await putBlob(blobs, body)
    await openCache({ maxSizeBytes: 1_000_000 }).tidy()
    assert.ok((await blobs.find(sha256)) !== undefined)

    clock.advance(3601)
    await sweep({
      db,
      now: clock.now,
      logger,
      unnamed: async () => [],
      async unlisted(filter) {
        const names = await readUnlisted(db, filter)
        await putBlob(blobs, body)
        return names
      },
    })
    await name(body)
    await check()
    assert.ok((await readBlob(blobs, sha256))?.equals(body))
  })

  test('is not looked for while the read models are behind', async (world) => {
    const { blobs, clock, openCache } = world
    const unnamed = await putBlob(blobs, randomBytes(1000))
    clock.advance(3601)
    const until = async () => await Promise.reject(new Error('still catching up'))
    const cache = openCache({ maxSizeBytes: 1_000_000, until })
    assert.match(String(await rejection(cache.tidy())), 'catching up')
    assert.ok((await blobs.find(unnamed)) !== undefined)
  })

  test('and is being put while its object is unlinked, is written anew', async (world) => {
    const { db, blobs, clock } = world
    const bodies = Array.from({ length: 20 }, () => randomBytes(1000))
    const names = bodies.map(sha256Of)
    for (const _ of [1, 2, 3, 4, 5]) {
      await Promise.all([
        removeBlobs(db, { names, now: clock.now, logger }),
        ...bodies.map(async (body) => await putBlob(blobs, body)),
      ])
      for (const body of bodies) {
        const left = await readBlob(blobs, sha256Of(body))
        assert.ok(left === undefined || left.equals(body))
      }
    }
  })
})
