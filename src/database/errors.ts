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
  if (!(error instanceof Error)) return false
  return lostBy.has(error.message) || isSocketError(error)
}

/**
 * What passes by itself, or by an operator's hand, without anything being wrong with the statement: a
 * lost connection, a lock or statement that took too long, a deadlock, a full disk, a standby.
 */
export function isPassing(error: unknown): boolean {
  const { state } = sqlState(error)
  return (
    isConnectionLoss(error) || (state !== undefined && /^(08|25006|40|53|55|57|58)/.test(state))
  )
}

/** The server has no room for it now: on its disk (53100), or of memory or connections. */
export function isOutOfRoom(error: unknown): boolean {
  return sqlState(error).state?.startsWith('53') === true
}

/** What is stored can't be read as it was written: a page or an index of it is damaged. */
export function isDamagedData(error: unknown): boolean {
  return /^XX00[12]$/.test(sqlState(error).state ?? '')
}

/** pg's own words; it has no codes for them. */
const lostBy: ReadonlySet<string> = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client was closed and is not queryable',
  'Client has encountered a connection error and is not queryable',
  'timeout exceeded when trying to connect',
])

/** A Unix socket that isn't there is ENOENT at connecting; files that aren't there are something else. */
function isSocketError(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined
  const syscall = 'syscall' in error ? error.syscall : undefined
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ETIMEDOUT') {
    return syscall === 'connect'
  }
  return (code === 'ECONNRESET' || code === 'EPIPE') && (syscall === 'read' || syscall === 'write')
}
