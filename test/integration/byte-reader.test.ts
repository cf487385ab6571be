import { createHash } from 'node:crypto'
import type pg from 'pg'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { openByteReader } from '../../src/database/byte-reader.ts'
import type { ByteQuery } from '../../src/database/row-reader.ts'
import { openDatabase } from '../../src/database/client.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe, rejection } from '../support/suite.ts'

/** A reader over a pool of one connection, so that whatever a test leaves on it meets the next. */
async function open() {
  const database = await createTestDatabase()
  const { db, pool } = openDatabase({
    connectionString: database.url,
    logger: pino({ level: 'silent' }),
    connectionsMax: 1,
  })
  const warnings: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line) => void warnings.push(line) })
  const read = await openByteReader(pool, logger)
  return {
    pool,
    warnings,
    readAll: async (
      query: Partial<ByteQuery> & { readonly text: string },
      roomBytes = 4_000_000,
    ) => {
      const { name = 'test', values = [], text } = query
      const into = Buffer.alloc(roomBytes)
      return into.subarray(0, await read({ name, values, text }, into))
    },
    async close() {
      await db.destroy()
      await database.close()
    },
  }
}

async function backend(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]?.pid ?? 0
}

describe('bytes off the wire', open, (test) => {
  test('come as they are in the table, from 0 bytes to many', async ({ readAll, warnings }) => {
    for (const sizeBytes of [0, 1, 5, 65_536, 3_000_001]) {
      const expected = Buffer.alloc(sizeBytes, Buffer.from([0, 255, 128, 68, 90]))
      const bytes = await readAll({
        name: 'sized',
        text: `select substr(decode(repeat('00ff80445a', $1::int / 5 + 1), 'hex'), 1, $1::int)`,
        values: [sizeBytes],
      })
      assert.ok(bytes.equals(expected), String(sizeBytes))
    }
    assert.equal(warnings, [], 'and not in the slow way')
  })

  test('of many rows, large and small, come one after another', async ({ readAll }) => {
    const md5 = (n: number) => createHash('md5').update(String(n)).digest('hex')
    const times = (n: number) => (n * 7919) % 9001 // Up to 144 KB, in no order.
    const rows = Array.from({ length: 150 }, (_, n) => Buffer.from(md5(n).repeat(times(n)), 'hex'))
    const small = Array.from({ length: 5000 }, (_, n) => Buffer.from(md5(n), 'hex'))
    for (const [expected, repeat] of [
      [rows, '(n * 7919) % 9001'],
      [small, '1'],
    ] as const) {
      const text = `
        select decode(repeat(md5(n::text), ${repeat}), 'hex') from generate_series(0, $1::int) as n`
      const values = [expected.length - 1]
      const bytes = await readAll({ name: repeat, text, values }, 12_000_000)
      assert.ok(bytes.equals(Buffer.concat(expected)))
    }
  })

  test('of no rows and of NULL are none', async ({ readAll }) => {
    assert.is((await readAll({ name: 'a', text: `select 'x'::bytea where false` })).length, 0)
    const mixed = `select * from (values ('a'::bytea), (null), (''), ('b')) as row`
    assert.is((await readAll({ name: 'b', text: mixed })).toString(), 'ab')
  })

  test('come whole with notices in between, which pg still hears', async ({ readAll, pool }) => {
    await pool.query(`
      create function pg_temp.loud(number int) returns bytea language plpgsql as $$
      begin
        raise notice 'number %', number;
        return decode(repeat('ab', 20000), 'hex');
      end $$`)
    const heard: string[] = []
    const client = await pool.connect()
    const hear = ({ message }: { readonly message: string | undefined }) =>
      heard.push(message ?? '')
    client.on('notice', hear)
    client.release()
    const text = 'select pg_temp.loud(number) from generate_series(1, 3) as number'
    const bytes = await readAll({ name: 'loud', text })
    client.off('notice', hear)
    assert.ok(bytes.equals(Buffer.alloc(60_000, 0xab)))
    assert.equal(heard, ['number 1', 'number 2', 'number 3'])
  })

  test('are read by a statement that is prepared once', async ({ readAll, pool }) => {
    const query = { name: 'reused', text: `select convert_to($1::text, 'UTF8')` }
    for (const value of ['one', 'two', 'drei']) {
      assert.is((await readAll({ ...query, values: [value] })).toString(), value)
    }
    const { rows } = await pool.query(`
      select generic_plans + custom_plans as uses
      from pg_prepared_statements where name = 'reused'`)
    assert.equal(rows, [{ uses: 3n }])
  })

  test('leave the connection to ordinary queries as it was', async ({ readAll, pool }) => {
    const before = await backend(pool)
    const reads = Array.from({ length: 20 }, async (_, index) => {
      const text = `select decode(repeat(to_hex($1::int + 16), 100000), 'hex')`
      const bytes = await readAll({ name: 'mixed', text, values: [index] })
      assert.ok(bytes.equals(Buffer.alloc(100_000, index + 16)))
      assert.equal((await pool.query('select 1 as one')).rows, [{ one: 1 }])
    })
    await Promise.all(reads)
    assert.is(await backend(pool), before)
  })

  test('that end in an error after some rows fail, and the next read is right', async ({
    readAll,
    pool,
  }) => {
    const text = `select decode(repeat('ab', 100000 / (5 - n)), 'hex') from generate_series(1, 9) as n`
    assert.match(String(await rejection(readAll({ name: 'broken', text }))), 'division by zero')
    assert.match(String(await rejection(readAll({ name: 'bad', text: 'selec' }))), 'syntax error')
    assert.is((await readAll({ name: 'good', text: `select 'x'::bytea` })).toString(), 'x')
    assert.equal((await pool.query('select 1 as one')).rows, [{ one: 1 }])
  })

  test('that are more than asked for end the connection, not the process', async ({
    readAll,
    pool,
  }) => {
    const before = await backend(pool)
    const text = `select decode(repeat('ab', 100000), 'hex') from generate_series(1, 1000)`
    const error = await rejection(readAll({ name: 'many', text }, 150_000))
    assert.match(String(error), 'more than 150000 bytes')
    assert.is.not(await backend(pool), before)
  })

  test('of a server process that is ended in the middle fail', async ({ readAll, pool }) => {
    const text = `
      select decode(repeat('ab', 100000), 'hex') from generate_series(1, 5) as n
      where n < 4 or pg_terminate_backend(pg_backend_pid())`
    assert.match(String(await rejection(readAll({ name: 'ended', text }))), /terminat/)
    assert.is((await readAll({ name: 'after', text: `select 'x'::bytea` })).toString(), 'x')
    assert.is(pool.totalCount, 1)
  })

  test('come in the slow way, after one warning, when pg is not as expected', async ({
    pool,
    readAll,
  }) => {
    await readAll({ name: 'connect', text: `select 'x'::bytea` })
    const client = (await pool.connect()) as pg.PoolClient & { readonly connection: pg.Connection }
    const stranger = () => undefined
    client.connection.stream.on('data', stranger)
    client.release()
    const warnings: string[] = []
    const logger = pino({ level: 'warn' }, { write: (line) => void warnings.push(line) })
    const read = await openByteReader(pool, logger)
    assert.is(warnings.length, 1)
    assert.match(warnings.join(), 'slow way')
    const text = `select * from (values ('\\x00ff'::bytea, 1), (null, 2), ('\\x41', 3)) as row`
    const query = { name: 'slow', text, values: [] }
    const into = Buffer.alloc(3)
    assert.is(await read(query, into), 3)
    assert.is(into.toString('hex'), '00ff41')
    assert.match(String(await rejection(read(query, Buffer.alloc(2)))), 'more than 2 bytes')
  })
})
