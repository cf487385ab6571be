import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/schema.ts'
import type { Instant } from '../time-machine/instant.ts'
import { isConnectionLoss, sqlState } from '../database/errors.ts'
import { createPause } from '../event-loop.ts'
import type { Append, AppendResult, EventLog, ExpectedVersion } from './log.ts'
import { NotRecordable } from './new-event.ts'
import { DomainEvent, eventDataSizeBytesMax, type RecordedEvent } from './types.ts'

type EventRow = Database['event']

export interface PostgresLogOptions {
  readonly db: Kysely<Database>
  /** Dates events instead of the database's clock, which all nodes share. For tests. */
  readonly now?: () => Instant
}

const appendTriesMax = 5

/** The log in a PostgreSQL table; see migration 0001 for how positions and instants are given out. */
export function createPostgresLog({ db, now }: PostgresLogOptions): EventLog {
  return {
    append: async (append) => await appendRetrying(db, append, now),
    async read(after, limit) {
      const rows = await db
        .selectFrom('event')
        .selectAll()
        .where('position', '>', after)
        .orderBy('position')
        .limit(limit)
        .execute()
      return await decodeAll(rows)
    },
    async readStream(stream, { after, limit }) {
      const rows = await db
        .selectFrom('event')
        .selectAll()
        .where('stream', '=', stream)
        .where('version', '>', after)
        .orderBy('version')
        .limit(limit)
        .execute()
      return await decodeAll(rows)
    },
    async head() {
      const { rows } = await sql<{ position: bigint }>`select position from event_head`.execute(db)
      return rows[0]?.position ?? 0n
    },
    async positionAt(at) {
      const row = await db
        .selectFrom('event')
        .select('position')
        .where('recorded_at', '<=', at)
        .orderBy('recorded_at', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row?.position ?? 0n
    },
  }
}

// A connection that is lost while COMMIT is under way leaves the outcome open; the ids tell, so the
// append is simply made again.
async function appendRetrying(
  db: Kysely<Database>,
  append: Append,
  now: (() => Instant) | undefined,
): Promise<AppendResult> {
  for (let tries = 1; ; tries++) {
    try {
      return { outcome: 'appended', events: await appendOnce(db, append, now) }
    } catch (error) {
      const { state, detail } = sqlState(error)
      if (state === 'AL409') return { outcome: 'conflict', version: Number(detail) }
      if (tries >= appendTriesMax || !isConnectionLoss(error)) throw error
    }
  }
}

async function appendOnce(
  db: Kysely<Database>,
  { stream, expected, events }: Append,
  now: (() => Instant) | undefined,
): Promise<readonly RecordedEvent[]> {
  const datas = events.map(({ data }) => JSON.stringify(data))
  const tooLarge = datas.findIndex((text) => Buffer.byteLength(text) > eventDataSizeBytesMax)
  if (tooLarge !== -1) {
    throw new NotRecordable(`${events[tooLarge]?.type} is too large for an event`)
  }
  const { rows } = await sql<EventRow>`
    select * from append_events(
      ${stream}, ${versionOrNull(expected)}, ${events.map(({ id }) => id)}::uuid[],
      ${events.map(({ type }) => type)}, ${datas}, ${now?.() ?? null}
    )`.execute(db)
  return await decodeAll(rows)
}

function versionOrNull(expected: ExpectedVersion): number | null {
  return expected === 'any' ? null : expected
}

/** In steps: a batch may have as many events of 64 KiB. */
async function decodeAll(rows: readonly EventRow[]): Promise<readonly RecordedEvent[]> {
  const pause = createPause()
  const events: RecordedEvent[] = []
  for (const row of rows) {
    events.push(decode(row))
    await pause()
  }
  return events
}

function decode(row: EventRow): RecordedEvent {
  const { position, stream, version, id, recorded_at } = row
  const data: unknown = JSON.parse(row.data)
  const event = DomainEvent.parse({ type: row.type, data })
  return { ...event, id, position, stream, version, recordedAt: recorded_at }
}
