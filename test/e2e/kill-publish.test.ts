import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { projections } from '../../projections/index.ts'
import { openDatabase } from '../../src/database/client.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { type RunningAlmanac, startAlmanac } from '../support/almanac.ts'
import { askApiAt } from '../support/api.ts'
import { checkObjects } from '../support/blobs.ts'
import { times } from '../support/long.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { packageZip } from '../support/publishing.ts'
import { describe, eventually } from '../support/suite.ts'

/** Where PostgreSQL holds a statement of the service until the service is dead. */
const allSteps = [
  ['insert on blob', 'lost'],
  ['insert on precious_blob', 'lost'],
  ['insert on precious_blob', 'done'],
  ['insert on snapshot', 'lost'],
  ['insert on snapshot', 'done'],
  ["insert on event for each row when (new.type like 'Private%')", 'lost'],
  ["insert on event for each row when (new.type like 'Private%')", 'done'],
] as const

/** Each needs a start of the service, so `npm test` takes one of three. */
const steps = allSteps.filter((_, nth) => nth % times(3, 1) === 0)

async function open() {
  const testDatabase = await createTestDatabase()
  const opened = openDatabase({
    connectionString: testDatabase.url,
    logger: pino({ level: 'silent' }),
    schemas: projections.map(schemaOf),
  })
  // Its lock is what the service's statements wait for.
  const holder = new pg.Client({ connectionString: testDatabase.url })
  await holder.connect()
  await sql`
    create function wait_here() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock(1);
      return coalesce(new, old);
    end $$`.execute(opened.db)
  let running: RunningAlmanac | undefined
  return {
    ...opened,
    holder,
    /** What was ever sent, by version; all of it is published in the end. */
    sent: new Map<string, Buffer>(),
    start: async () => {
      running = await startAlmanac({
        databaseUrl: testDatabase.url,
        upstream: 'http://127.0.0.1:1',
        env: { PROXY_FEED_INTERVAL: '0', PROXY_CLEANUP_INTERVAL: '1', LOG_LEVEL: 'error' },
      })
      return running
    },
    close: async () => {
      await running?.close()
      await holder.end()
      await opened.db.destroy()
      await testDatabase.close()
    },
  }
}

type World = Omit<Awaited<ReturnType<typeof open>>, 'close'>

/** The status; undefined: there was no answer. */
async function put({ sent }: World, { url }: RunningAlmanac, version: string) {
  const content = sent.get(version) ?? randomBytes(300_000)
  sent.set(version, content)
  const body = packageZip({ name: 'own/log' }, content.toString('base64'))
  try {
    return (await askApiAt(url)('PUT', `/api/v1/packages/own/log/${version}`, { body })).status
  } catch {
    return undefined
  }
}

async function killAt(
  [on, outcome]: (typeof steps)[number],
  world: World,
  almanac: RunningAlmanac,
): Promise<void> {
  const { db, holder, sent } = world
  await holder.query('select pg_advisory_lock(1)')
  const each = on.includes(' for each row') ? on : `${on} for each row`
  await sql`create trigger wait_here before ${sql.raw(each)} execute function wait_here()`.execute(
    db,
  )
  const publishing = put(world, almanac, `1.${sent.size}.0`)
  const waiting = async () => {
    const { rows } = await sql<{ pid: number }>`
      select pid from pg_stat_activity
      where datname = current_database() and wait_event = 'advisory'`.execute(db)
    return rows
  }
  await eventually(`it waits before the ${on}`, async () => (await waiting()).length > 0)
  const pids = await waiting()
  await almanac.kill9()
  if (outcome === 'lost') {
    for (const { pid } of pids) await sql`select pg_terminate_backend(${pid})`.execute(db)
  }
  await holder.query('select pg_advisory_unlock(1)')
  assert.is(await publishing, undefined)
  await eventually('what was left of it in PostgreSQL has ended', async () => {
    const { rows } = await sql`
      select from pg_stat_activity
      where datname = current_database() and application_name = 'almanac'
        and pid <> pg_backend_pid() and state <> 'idle'`.execute(db)
    return rows.length === 0
  })
  await sql`drop trigger wait_here on ${sql.raw(on.split(' ')[2] ?? '')}`.execute(db)
}

/** At every moment: what an event names is there and right, and each object has its row. */
async function checkNamed({ db }: World): Promise<void> {
  await checkObjects(db)
  const { rows } = await sql`
    select data::json ->> 'version' as lost from event
      left join blob on blob.sha256 = data::json ->> 'sha256'
      left join precious_blob p on p.sha256 = blob.sha256
      left join snapshot s on s.sha256 = data::json ->> 'documentSha256'
    where type = 'PrivateVersionPublished' and (
      p.sha256 is null or s.sha256 is null
      or encode(sha256(lo_get(blob.oid)), 'hex') <> blob.sha256)`.execute(db)
  assert.equal(rows, [])
}

/** One cleanup later, as if it were hours: what no event names is gone. */
async function checkSwept(world: World): Promise<void> {
  const { db } = world
  await db.deleteFrom('job_lease').execute()
  await sql`update blob set stored_at = stored_at - interval '2 hours'`.execute(db)
  await sql`update precious_blob set named_at = named_at - interval '2 hours'`.execute(db)
  await eventually('nothing is left of what came to nothing', async () => {
    const { rows } = await sql`
      select sha256 from blob full join precious_blob using (sha256)
      where sha256 not in (
        select data::json ->> 'sha256' from event where type = 'PrivateVersionPublished')`.execute(
      db,
    )
    assert.equal(rows, [])
    return true
  })
  await checkNamed(world)
}

describe('kill -9 between two steps of publishing', open, (test) => {
  test('leaves what one cleanup brings in order, and nothing that is named is lost', async (world) => {
    let almanac = await world.start()
    assert.is(await put(world, almanac, '1.0.0'), 201)
    for (const step of steps) {
      await killAt(step, world, almanac)
      await checkNamed(world)
      almanac = await world.start()
      await checkSwept(world)
    }
    for (const version of world.sent.keys()) {
      const status = await put(world, almanac, version)
      assert.ok(status === 200 || status === 201, `${version}: ${status}`)
    }
    const { rows } = await sql`select from event where type = 'PrivateVersionPublished'`.execute(
      world.db,
    )
    assert.is(rows.length, world.sent.size, 'each once')
    await almanac.stop()
  })
})
