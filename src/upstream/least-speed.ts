import { UpstreamFailure } from './failures.ts'
import type { Incoming } from './send.ts'

/**
 * The least that must come of a body, on average over a window. Ten requests at once then need 80 kbit/s together, which
 * is less than the slowest links a proxy is run on; and at this speed all of the ten minutes that an archive may take
 * bring 600 KiB of it.
 */
const bytesPerSecondMin = 1_024

/**
 * Breaks an answer off as a timeout when less than the least comes of its body, at the latest in its second window: one
 * byte a second is never idle, and holds a slot until the total time is used up. Time in which bytes that came are waiting
 * to be taken is not upstream's.
 *
 * @param taken is watched until it settles.
 */
export async function atLeastSpeed<Taken>(
  { body, receivedBytes, isAwaited }: Incoming,
  windowMs: number,
  taken: Promise<Taken>,
): Promise<Taken> {
  const leastBytes = (bytesPerSecondMin * windowMs) / 1000
  let before = receivedBytes()
  const timer = setInterval(() => {
    const bytes = receivedBytes() - before
    before += bytes
    if (bytes >= leastBytes || !isAwaited()) return
    body.destroy(
      new UpstreamFailure('body_timed_out', `upstream sent ${bytes} bytes in ${windowMs} ms`),
    )
  }, windowMs)
  try {
    return await taken
  } finally {
    clearInterval(timer)
  }
}
