import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { removeBlobs } from '../../src/archives/remove.ts'
import { createScrub, type ScrubOptions } from '../../src/archives/scrub.ts'
import { openDatabase } from '../../src/database/client.ts'
import type { Sha256 } from '../../src/events/types.ts'
import { openBlobs, putBlob } from '../support/blobs.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe } from '../support/suite.ts'

const intervalSeconds = 1000
const mebibyte = 1024 * 1024

async function open() {
  const database = await createTestDatabase()
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: (line) => void lines.push(line) })
  const opened = openDatabase({ connectionString: database.url, logger })
  const { db } = opened
  const world = await openBlobs(opened)
  return {
    ...world,
    db,
    lines,
    logger,
    /** Runs it once, as a job would, on a new node. Returns the pauses it wanted, in milliseconds. */
    run: async (options: Partial<ScrubOptions> = {}, signal = new AbortController().signal) => {
      const pauses: number[] = []
      const scrub = createScrub({ ...world.reads, intervalSeconds, logger, ...options })
      await scrub({ signal, pause: async (pauseMs) => void pauses.push(pauseMs) })
      return pauses
    },
    /** Those whose last check was at the clock's present. */
    checkedNow: async (): Promise<readonly Sha256[]> => {
      const rows = await db
        .selectFrom('blob')
        .select('sha256')
        .where('scrubbed_at', '=', world.clock.now())
        .orderBy('sha256')
        .execute()
      return rows.map(({ sha256 }) => sha256)
    },
    async close() {
      await db.destroy()
      await database.close()
    },
  }
}

describe('the check of stored blobs', open, (test) => {
  test('reads those again whose last check is too long ago, and says so in the end', async (world) => {
    const { blobs, clock, run, checkedNow, lines } = world
    const old = [await putBlob(blobs, randomBytes(500)), await putBlob(blobs, randomBytes(1500))]
    clock.advance(1)
    const young = await putBlob(blobs, randomBytes(1000))
    clock.advance(intervalSeconds)
    await run()
    assert.equal(await checkedNow(), old.toSorted())
    assert.is(lines.length, 1)
    assert.match(lines[0] ?? '', '"blobs":2,"bytes":2000,"corrupt":0')
    clock.advance(1)
    await run()
    assert.equal(await checkedNow(), [young])
    lines.splice(0)
    await run()
    assert.equal(lines, [], 'nothing was due')
  })

  test('finds what is damaged, and goes on', async ({ db, blobs, clock, run, lines, damaged }) => {
    clock.advance(intervalSeconds + 1)
    await run()
    const changed = await putBlob(blobs, randomBytes(3 * mebibyte))
    const lost = await putBlob(blobs, randomBytes(1000))
    const whole = await putBlob(blobs, randomBytes(1000))
    await sql`select lo_put(oid, 3000000, 'X') from blob where sha256 = ${changed}`.execute(db)
    await sql`select lo_unlink(oid) from blob where sha256 = ${lost}`.execute(db)
    clock.advance(intervalSeconds + 1)
    await run()
    assert.equal(damaged.map(({ sha256 }) => sha256).toSorted(), [changed, lost].toSorted())
    assert.match(lines.at(-1) ?? '', '"corrupt":2')
    for (const sha256 of [changed, lost]) assert.is(await blobs.find(sha256), undefined)
    assert.ok((await blobs.find(whole)) !== undefined)
  })

  test('goes on where another has stopped, and always with the oldest', async (world) => {
    const { db, blobs, clock, reads, run, checkedNow } = world
    await db.deleteFrom('blob').execute()
    const inOrder = []
    for (const _ of [1, 2, 3]) {
      inOrder.push(await putBlob(blobs, randomBytes(10)))
      clock.advance(1)
    }
    clock.advance(intervalSeconds)
    for (const checked of [1, 2, 3]) {
      const stopping = new AbortController()
      const readBytes: typeof reads.readBytes = async (query, into) => {
        stopping.abort()
        return await reads.readBytes(query, into)
      }
      await run({ readBytes }, stopping.signal)
      assert.equal(await checkedNow(), inOrder.slice(0, checked).toSorted())
    }
  })

  test('is slow enough for readers not to notice', async ({ db, blobs, clock, run }) => {
    await db.deleteFrom('blob').execute()
    await putBlob(blobs, randomBytes(8 * mebibyte))
    clock.advance(1)
    await putBlob(blobs, randomBytes(1000))
    clock.advance(intervalSeconds + 1)
    const [large = 0, small = 0] = await run()
    assert.ok(large > 1000 && large < 1020, `${large} ms for 8 MiB`)
    assert.ok(small > 9 && small < 11, `${small} ms for 1 kB`)
  })

  test('holds nothing against a blob that is evicted meanwhile', async (world) => {
    const { db, blobs, clock, reads, run, lines, logger, damaged } = world
    await db.deleteFrom('blob').execute()
    const before = damaged.length
    const sha256 = await putBlob(blobs, randomBytes(10))
    clock.advance(intervalSeconds + 1)
    await run({
      async readBytes(query, into) {
        await removeBlobs(db, { names: [sha256], now: clock.now, logger })
        return await reads.readBytes(query, into)
      },
    })
    assert.is(damaged.length, before)
    assert.match(lines.at(-1) ?? '', '"corrupt":0')
  })
})
