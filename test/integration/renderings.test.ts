import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { openDatabase } from '../../src/database/client.ts'
import { numberOfRendering } from '../../src/database/renderings.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe } from '../support/suite.ts'

async function open() {
  const database = await createTestDatabase()
  const { db } = openDatabase({ connectionString: database.url, logger: pino({ level: 'silent' }) })
  return {
    number: async (kind: string, content: string) => await numberOfRendering(db, { kind, content }),
    async close() {
      await db.destroy()
      await database.close()
    },
  }
}

describe('ways to write', open, (test) => {
  test('have a number each, which they keep', async ({ number }) => {
    assert.is(await number('a', 'one'), 1)
    assert.is(await number('a', 'two'), 2)
    assert.is(await number('a', 'one'), 1)
    assert.is(await number('b', 'two'), 1, 'each kind counts for itself')
    assert.is(await number('a', 'three'), 3)
  })

  test('have different numbers, however many nodes start at once', async ({ number }) => {
    const contents = Array.from({ length: 20 }, (_, n) => `content ${n % 10}`)
    const numbers = await Promise.all(contents.map(async (content) => await number('c', content)))
    assert.equal(
      numbers.slice(0, 10).toSorted((one, other) => one - other),
      Array.from({ length: 10 }, (_, n) => n + 1),
    )
    assert.equal(numbers.slice(10), numbers.slice(0, 10))
  })
})
