import pg from 'pg'

/** SQLSTATE and detail of an error that PostgreSQL reported; empty for any other error. */
export function sqlState(error: unknown): {
  readonly state?: string | undefined
  readonly detail?: string | undefined
} {
  return error instanceof pg.DatabaseError ? { state: error.code, detail: error.detail } : {}
}

/** The connection went away, or the server is going or coming: worth another try on a new one. */
export function isConnectionLoss(error: unknown): boolean {
  const { state } = sqlState(error)
  if (state !== undefined) return /^(08|57P0[1-5]|53300)/.test(state)
  return error instanceof Error && connectionLoss.test(`${codeOf(error)} ${error.message}`)
}

const connectionLoss =
  /ECONNREFUSED|ECONNRESET|EPIPE|ENOENT|ETIMEDOUT|Connection terminated|Client was closed|not queryable|connection timeout|timeout exceeded when trying to connect/i

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : ''
}
