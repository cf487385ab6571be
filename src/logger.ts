import { destination, type Logger, pino } from 'pino'

/** JSON lines on stderr: stdout is for the person at the terminal. */
export function createLogger(level: string): Logger {
  return pino({ level, serializers: { err: describeError } }, destination({ fd: 2, sync: true }))
}

/** Only these: errors of libraries drag whole connections and requests along, with what is secret in them. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { name, message, stack, cause } = error
  return {
    type: name,
    message,
    ...('code' in error ? { code: error.code } : {}),
    stack,
    ...(cause === undefined ? {} : { cause: describeError(cause) }),
  }
}
