import { sql } from 'kysely'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { PackageName } from '../../src/composer/names.ts'
import { createAdvisoriesKnown, type KeptLimits } from '../../src/database/advisories-known.ts'
import { openDatabase } from '../../src/database/client.ts'
import { createClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe } from '../support/suite.ts'

const limits: KeptLimits = {
  listBytesMax: 1_000,
  packagesMax: 10,
  bytesMax: 5_000,
  packagesBetween: 1,
  bytesBetween: 1,
}
const log = PackageName.parse('psr/log')

async function open() {
  const database = await createTestDatabase()
  const { db } = openDatabase({
    connectionString: database.url,
    logger: pino({ level: 'silent' }),
  })
  const { now, advance } = createClock()
  return {
    now,
    advance,
    knownOf: (upstream: string, ofNode = limits) => createAdvisoriesKnown(db, upstream, ofNode),
    rows: async () => {
      const { rows } = await sql<{ readonly name: string; readonly bytes: bigint }>`
        select package_name as name, sum(size_bytes) over () as bytes from advisories_known`.execute(
        db,
      )
      return { count: rows.length, bytes: Number(rows[0]?.bytes ?? 0) }
    },
    clear: async () => await sql`delete from advisories_known`.execute(db),
    async close() {
      await db.destroy()
      await database.close()
    },
  }
}

/** An answer of which each list is of this size. */
function told(count: number, sizeBytes: number, prefix = 'a/p') {
  const list = JSON.stringify(['x'.repeat(Math.max(0, sizeBytes - 4))])
  const asked = Array.from({ length: count }, (_, n) => PackageName.parse(`${prefix}${n}`))
  return { asked, byName: new Map(asked.map((name) => [name, list])) }
}

describe('what upstream said about advisories', open, (test) => {
  test('is of one upstream', async ({ knownOf, now }) => {
    const [one, other] = [knownOf('https://one.example'), knownOf('https://other.example')]
    await one.keep({ asked: [log], byName: new Map([[log, '[1]']]), at: now() })
    assert.equal(await one.read([log]), new Map([[log, { advisories: '[1]', learnedAt: now() }]]))
    assert.equal(await other.read([log]), new Map())
  })

  test('is the answer to the question that was asked last', async ({ knownOf, now, advance }) => {
    const known = knownOf('https://late.example')
    const before = now()
    advance(1)
    await known.keep({ asked: [log], byName: new Map([[log, '[2]']]), at: now() })
    await known.keep({ asked: [log], byName: new Map([[log, '[1]']]), at: before })
    await known.keep({ asked: [log], byName: new Map(), at: before })
    assert.is((await known.read([log])).get(log)?.advisories, '[2]')
    advance(1)
    await known.keep({ asked: [log], byName: new Map(), at: now() })
    assert.equal(await known.read([log]), new Map())
  })

  test('is written again when it is another, or after ten minutes', async (world) => {
    const { knownOf, now, advance } = world
    const known = knownOf('https://often.example')
    const first = now()
    const keep = async (list: string) =>
      await known.keep({ asked: [log], byName: new Map([[log, list]]), at: now() })
    const learnedAt = async () => (await known.read([log])).get(log)?.learnedAt
    await keep('[]')
    advance(599)
    await keep('[]')
    assert.is(await learnedAt(), first)
    await keep('[3]')
    assert.is(await learnedAt(), now())
    advance(601)
    await keep('[3]')
    assert.is(await learnedAt(), now())
  })

  test('is no more than the limits, and what was learned last', async (world) => {
    const { knownOf, now, advance, rows, clear } = world
    const known = knownOf('https://large.example')
    await clear()
    await known.keep({ ...told(30, 10), at: now() })
    assert.is((await rows()).count, 10)
    advance(1)
    await known.keep({ ...told(8, 900, 'b/p'), at: now() })
    const { bytes } = await rows()
    assert.ok(bytes <= 5_000 && bytes > 4_000, `${bytes} bytes`)
    const kept = await known.read(told(8, 900, 'b/p').asked)
    assert.is(kept.size, 5)
  })

  test('is forgotten of a package that has more than can be kept', async (world) => {
    const { knownOf, now, advance } = world
    const known = knownOf('https://one-large.example')
    await known.keep({ ...told(1, 100), at: now() })
    advance(1)
    const { asked, byName } = told(1, 1_001)
    await known.keep({ asked, byName, at: now() })
    assert.equal(await known.read(asked), new Map())
  })

  test('may be learned by several nodes at once', async ({ knownOf, now, rows, clear }) => {
    await clear()
    const roomy = { ...limits, packagesMax: 1_000, bytesMax: 1_000_000 }
    const nodes = Array.from({ length: 8 }, () => knownOf('https://busy.example', roomy))
    const { asked, byName } = told(300, 50)
    await Promise.all(
      nodes.map(async ({ keep }, node) => {
        const names = node % 2 === 0 ? asked : asked.toReversed()
        const lists = names.map((name): [PackageName, string] => [name, byName.get(name) ?? ''])
        await keep({ asked: names, byName: new Map(lists), at: now() })
      }),
    )
    assert.is((await rows()).count, 300)
  })
})
