import { destination, type DestinationStream, type Logger, pino } from 'pino'
import { currentRequestId } from './request-context.ts'

/**
 * JSON lines, on stderr unless told otherwise: stdout is for the person at the terminal. A line that a request caused
 * has its `requestId`.
 */
export function createLogger(
  level: string,
  stream: DestinationStream = destination({ fd: 2, sync: true }),
): Logger {
  return pino({ level, serializers: { err: describeError }, mixin: whichRequest }, stream)
}

function whichRequest(): { readonly requestId?: string } {
  const requestId = currentRequestId()
  return requestId === undefined ? {} : { requestId }
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
