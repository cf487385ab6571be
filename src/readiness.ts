import { isMigrated } from './database/migrate.ts'
import { sqlState } from './database/errors.ts'
import type { Db } from './database/schema.ts'
import type { Position } from './events/types.ts'
import type { Readiness } from './http/probes.ts'
import type { Projector } from './projector/run.ts'

export interface ReadinessOptions {
  readonly db: Db
  readonly projector: Projector
  readonly headAtStart: Position
  readonly isDraining: boolean
}

// Why it stopped is for the status: this is shown to anybody.
const words = { running: 'catching up', stopped: 'stopped' } as const

/** Whether this node should be sent requests, and if not, why. */
export async function readiness(options: ReadinessOptions): Promise<Readiness> {
  const { db, projector, headAtStart, isDraining } = options
  const lacking = projector
    .status()
    .filter(({ state, position }) => state === 'stopped' || position < headAtStart)
  const checks = {
    ...(await databaseChecks(db)),
    projections:
      lacking.length === 0
        ? 'ok'
        : lacking.map(({ name, state }) => `${name}: ${words[state]}`).join('; '),
    server: isDraining ? 'shutting down' : 'ok',
  }
  return { ready: Object.values(checks).every((check) => check === 'ok'), checks }
}

async function databaseChecks(
  db: Db,
): Promise<{ readonly database: string; readonly migrations: string }> {
  try {
    const migrations = (await isMigrated(db)) ? 'ok' : 'older than this release'
    return { database: 'ok', migrations }
  } catch (error) {
    // It answered, if only with an error: there is no such table.
    if (sqlState(error).state === '42P01') return { database: 'ok', migrations: 'none' }
    return { database: 'no answer', migrations: 'unknown' }
  }
}
