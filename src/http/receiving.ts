import type { IncomingMessage } from 'node:http'
import { AppError } from '../errors.ts'

export interface UploadLimits {
  /** How long nothing may arrive, while it is waited for. */
  readonly idleMs: number
  /** How long all of it may take. */
  readonly totalMs: number
}

/** The body of a request, as it comes. */
export interface Receiving {
  /**
   * All of it.
   *
   * @throws AppError `too_large`, `upload_broke_off`.
   */
  readonly whole: () => Promise<Buffer>
  /**
   * Its pieces, of any number.
   *
   * @throws AppError `upload_broke_off` when the client leaves, or takes longer than the limits.
   */
  readonly stream: (limits: UploadLimits) => AsyncIterable<Buffer>
}

export interface ReceivingOptions {
  /** A body that nobody reads in another way is here within this time, or its connection is cut. */
  readonly wholeMs: number
  readonly bytesMax: number
  /** What comes after an answer is thrown away for this time, so that the client sees the answer. */
  readonly leftOverMs: number
}

/**
 * Node's own limit for a request is the same for all of them, and so would either cut an honest upload or
 * let anybody hold a connection for as long as an upload may take.
 */
export function receiving(request: IncomingMessage, options: ReceivingOptions): Receiving {
  return hasBody(request) ? receivingBody(request, options) : noBody
}

/** Shared by all requests without one, which are most. */
const noBody: Receiving = {
  whole: async () => Buffer.alloc(0),
  async *stream() {
    // Has no pieces.
  },
}

function hasBody({ headers }: IncomingMessage): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = headers
  return length !== '0' || coding !== undefined
}

function receivingBody(request: IncomingMessage, options: ReceivingOptions): Receiving {
  const deadline = createDeadline(request, options.wholeMs)
  async function* stream({ idleMs, totalMs }: UploadLimits): AsyncGenerator<Buffer> {
    const endsAtMs = performance.now() + totalMs
    const chunks = request.iterator({ destroyOnReturn: false })
    deadline.lift()
    try {
      for (;;) {
        const waitMs = Math.min(idleMs, endsAtMs - performance.now())
        const next = await within(waitMs, chunks.next())
        if (next.done === true) return
        yield asBytes(next.value)
      }
    } finally {
      if (!request.readableEnded) {
        // The answer would not be seen by a client whose connection is cut while it sends.
        deadline.set(options.leftOverMs)
        // While the iterator still listens, nothing flows. A request that is cut ends it too.
        chunks.return?.().then(
          () => request.resume(),
          () => undefined,
        )
      }
    }
  }
  return {
    stream,
    async whole() {
      const pieces: Buffer[] = []
      let sizeBytes = 0
      for await (const piece of stream({ idleMs: options.wholeMs, totalMs: options.wholeMs })) {
        sizeBytes += piece.length
        if (sizeBytes > options.bytesMax) {
          throw new AppError('too_large', `a request body may have ${options.bytesMax} bytes`)
        }
        pieces.push(piece)
      }
      return Buffer.concat(pieces)
    },
  }
}

/** Cuts the connection of a request that isn't all here in time. */
function createDeadline(request: IncomingMessage, firstMs: number) {
  let timer: NodeJS.Timeout | undefined
  function lift(): void {
    clearTimeout(timer)
  }
  function set(ms: number): void {
    lift()
    if (request.complete || request.destroyed) return
    // A connection that is open keeps the process; once it is lost, nothing has to.
    timer = setTimeout(() => request.destroy(), ms).unref()
  }
  set(firstMs)
  request.once('close', lift)
  return { set, lift }
}

/** @throws AppError `upload_broke_off` after so long, or for whatever keeps more from coming. */
async function within<T>(ms: number, arriving: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    // As above: nothing waits for a connection that is lost.
    timer = setTimeout(() => reject(brokeOff('it took too long')), Math.max(0, ms)).unref()
  })
  try {
    return await Promise.race([arriving, late])
  } catch (error) {
    throw error instanceof AppError ? error : brokeOff('the connection was lost', error)
  } finally {
    clearTimeout(timer)
    arriving.catch(() => undefined)
  }
}

function brokeOff(why: string, cause?: unknown): AppError {
  const message = `the body of this request didn't arrive, ${why}: send it again`
  return new AppError('upload_broke_off', message, { cause })
}

function asBytes(chunk: unknown): Buffer {
  if (!Buffer.isBuffer(chunk)) throw new TypeError('a request body is read as bytes')
  return chunk
}
