import { createHash } from 'node:crypto'
import { got } from 'got'
import { sql } from 'kysely'
import pg from 'pg'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { projections } from '../../projections/index.ts'
import { openDatabase } from '../../src/database/client.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { type RunningAlmanac, startAlmanac } from '../support/almanac.ts'
import { checkListed } from '../support/cache.ts'
import { times } from '../support/long.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe, eventually } from '../support/suite.ts'
import { startStubUpstream } from '../support/upstream.ts'

const sizeBytes = 20_000
const versions = Array.from({ length: 12 }, (_, n) => `1.${n}.0`)
const randomKills = times(2, 12)

/** Where PostgreSQL holds a statement of the service until the service is dead. */
interface Step {
  readonly name: string
  /** Of a trigger. */
  readonly on: string
  /** What becomes of the statement then. */
  readonly outcome: 'lost' | 'done'
}

const allSteps: readonly Step[] = [
  { name: 'the blob is written, not committed', on: 'insert on blob', outcome: 'lost' },
  ...eventSteps('ArchiveStored'),
  { name: 'the blob is deleted, not committed', on: 'delete on blob', outcome: 'lost' },
  { name: 'the blob is deleted', on: 'delete on blob', outcome: 'done' },
  ...eventSteps('ArchiveEvicted'),
  { name: 'the blob is in quarantine', on: 'insert on blob_quarantine', outcome: 'lost' },
  { name: 'the blob is in quarantine', on: 'insert on blob_quarantine', outcome: 'done' },
  ...eventSteps('ArchivesAccessed'),
]

/** Each needs a start of the service, so `npm test` takes one of three. */
const steps = allSteps.filter((_, nth) => nth % times(3, 1) === 0)

function eventSteps(type: string): readonly Step[] {
  const on = `insert on event for each row when (new.type = '${type}')`
  return [
    { name: `${type} is not recorded`, on, outcome: 'lost' },
    { name: `${type} is recorded`, on, outcome: 'done' },
  ]
}

async function open() {
  const testDatabase = await createTestDatabase()
  const upstream = await startStubUpstream({
    packages: [
      {
        name: 'acme/big',
        description: 'Has large archives',
        ballastBytes: sizeBytes,
        tags: versions.map((version) => [version, '2025-01-01']),
        branches: { main: ['2025-01-01'] },
      },
    ],
  })
  const { db } = openDatabase({
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
    end $$`.execute(db)
  let running: RunningAlmanac | undefined
  const document = await got(`${upstream.url}/p2/acme/big.json`).text()
  const paths = [
    ...document.matchAll(/"version":"([^"]+)".*?"dist":.*?"reference":"([^"]+)"/g),
  ].map(([, version, reference]) => `/dist-proxy/acme/big/${version}.0/${reference}.zip`)
  return {
    db,
    holder,
    paths,
    hashes: new Map<string, string>(),
    start: async () => {
      running = await startAlmanac({
        upstream: upstream.url,
        databaseUrl: testDatabase.url,
        env: {
          PROXY_FEED_INTERVAL: '0',
          PROXY_CLEANUP_INTERVAL: '1',
          PROXY_MAX_CACHE_SIZE: String(5 * sizeBytes),
          ARCHIVE_MEMORY_BYTES: '0',
          LOG_LEVEL: 'error',
        },
      })
      return running
    },
    async close() {
      await running?.close()
      await holder.end()
      await db.destroy()
      await testDatabase.close()
      await upstream.close()
    },
  }
}

type World = Omit<Awaited<ReturnType<typeof open>>, 'close'>

/** Asks for an archive and checks it. Returns false when there was no whole answer. */
async function ask({ hashes }: World, { url }: RunningAlmanac, path: string): Promise<boolean> {
  try {
    const body = await got(url + path, { retry: { limit: 0 } }).buffer()
    const hash = createHash('sha256').update(body).digest('hex')
    assert.is(hash, hashes.get(path) ?? hash)
    hashes.set(path, hash)
    return true
  } catch (error) {
    if (error instanceof assert.Assertion) throw error
    return false
  }
}

/** Asks for all again and again until the service is dead. */
async function askUntilDead(world: World, almanac: RunningAlmanac, from: number): Promise<void> {
  for (let at = from; ; at += 1) {
    if (!(await ask(world, almanac, world.paths[at % world.paths.length] ?? ''))) return
  }
}

/** Lets it come to the step, and kills it there. */
async function killAt(step: Step, world: World, almanac: RunningAlmanac): Promise<void> {
  const { db, holder } = world
  await holder.query('select pg_advisory_lock(1)')
  const on = step.on.includes(' for each row') ? step.on : `${step.on} for each row`
  await sql`create trigger wait_here before ${sql.raw(on)} execute function wait_here()`.execute(db)
  if (step.on.includes('quarantine')) await sql`select lo_put(oid, 10, 'X') from blob`.execute(db)
  // One of the last, which are still here, and then those that have been evicted.
  const asking = [1, 2].map(async (n) => {
    await askUntilDead(world, almanac, world.paths.length - n)
  })
  const waiting = async () => {
    const { rows } = await sql<{ pid: number }>`
      select pid from pg_stat_activity
      where datname = current_database() and wait_event = 'advisory'`.execute(db)
    return rows.map(({ pid }) => pid)
  }
  let pids: readonly number[] = []
  await eventually(`it comes to where ${step.name}`, async () => {
    pids = await waiting()
    return pids.length > 0
  })
  await almanac.kill9()
  if (step.outcome === 'lost') {
    for (const pid of pids) await sql`select pg_terminate_backend(${pid})`.execute(db)
  }
  await holder.query('select pg_advisory_unlock(1)')
  await Promise.all(asking)
  await eventually('what was left of it in PostgreSQL has ended', async () => {
    const { rows } = await sql`
      select from pg_stat_activity
      where datname = current_database() and application_name = 'almanac'
        and pid <> pg_backend_pid() and state = 'active'`.execute(db)
    return rows.length === 0
  })
  await sql`drop trigger wait_here on ${sql.raw(step.on.split(' ')[2] ?? '')}`.execute(db)
}

/** The state after a kill, a restart and a cleanup. */
async function checkRecovered(world: World, almanac: RunningAlmanac): Promise<void> {
  const { db, paths } = world
  const agree = async () => {
    await checkListed(db)
    return true
  }
  // As if it were hours later: the dead node's turn at the cleanup is over, and no event is yet to come.
  await db.deleteFrom('job_lease').execute()
  await sql`update blob set stored_at = stored_at - interval '2 hours'`.execute(db)
  await eventually('store and read model agree', agree)
  for (const path of paths) assert.ok(await ask(world, almanac, path), path)
  await eventually('they still do', agree)
}

describe('kill -9 between two steps of storing and evicting', open, (test) => {
  test('leaves what one cleanup brings in order, at every step', async (world) => {
    let almanac = await world.start()
    for (const step of steps) {
      await checkRecovered(world, almanac)
      await killAt(step, world, almanac)
      almanac = await world.start()
    }
    await checkRecovered(world, almanac)
    await almanac.stop()
  })

  test(`and at ${randomKills} others, under load`, async (world) => {
    let almanac = await world.start()
    for (let kill = 0; kill < randomKills; kill += 1) {
      const before = await positionOf(world)
      const running = almanac
      const asking = [0, 3, 6, 9].map(async (from) => await askUntilDead(world, running, from))
      const enough = before + BigInt(40 + 13 * kill)
      await eventually('much has happened', async () => (await positionOf(world)) >= enough)
      await almanac.kill9()
      await Promise.all(asking)
      almanac = await world.start()
    }
    await checkRecovered(world, almanac)
    await almanac.stop()
  })
})

async function positionOf({ db }: World): Promise<bigint> {
  const { rows } = await sql<{ position: bigint }>`select position from event_head`.execute(db)
  return rows[0]?.position ?? 0n
}
