import { sql } from 'kysely'
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

/** Whether this node should be sent requests, and if not, why. */
export async function readiness(options: ReadinessOptions): Promise<Readiness> {
  const { db, projector, headAtStart, isDraining } = options
  const lacking = projector
    .status()
    .filter(({ state, position }) => state === 'stopped' || position < headAtStart)
  const database = await sql`select 1`.execute(db).then(
    () => 'ok',
    () => 'no answer',
  )
  const checks = {
    database,
    projections:
      lacking.length === 0
        ? 'ok'
        : lacking.map(({ name, error }) => `${name}: ${error ?? 'catching up'}`).join('; '),
    server: isDraining ? 'shutting down' : 'ok',
  }
  return { ready: Object.values(checks).every((check) => check === 'ok'), checks }
}
