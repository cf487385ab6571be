/** How long each part of a request may take, in milliseconds. */
export interface Timeouts {
  /** Each of: resolving the name, connecting, agreeing on TLS. */
  readonly connectMs: number
  /** Until the head of the answer is there, from the turn of the request on: all of the above, and waiting for it. */
  readonly headMs: number
  /** After so long without it the origin counts as silent, so that others don't wait to find that out too. */
  readonly silenceMs: number
  /** Between two bytes. */
  readonly idleMs: number
  /** Over which a body must come at the least speed; see least-speed.ts. */
  readonly speedMs: number
  /** All of it: waiting for its turn, redirects, retries, the body. */
  readonly totalMs: number
}

/** Less than what is waited for all of it, so that it is told from an answer that doesn't come. */
const connectMsMax = 4_000
/** A client that waits for what nobody has yet gets its first byte within 5 s, or a sentence that says why not. */
const waitMsMax = 4_500
const stallMsMax = 15_000
/** A link that breaks off for some seconds makes up for it within the window. */
const speedMsMax = 10_000
/** A large archive over a slow line takes longer than any metadata, as long as bytes keep coming. */
const archiveTotalMs = 600_000

/**
 * Of what a client waits for.
 *
 * @param timeoutMs what the operator set.
 */
export function metadataTimeouts(timeoutMs: number): Timeouts {
  return timeoutsWith(Math.min(waitMsMax, timeoutMs), timeoutMs)
}

/** Of what nobody waits for. */
export function jobTimeouts(timeoutMs: number): Timeouts {
  return timeoutsWith(Math.min(stallMsMax, timeoutMs), timeoutMs)
}

function timeoutsWith(stallMs: number, timeoutMs: number): Timeouts {
  return {
    connectMs: Math.min(connectMsMax, stallMs),
    headMs: stallMs,
    silenceMs: stallMs,
    idleMs: stallMs,
    speedMs: Math.min(speedMsMax, timeoutMs),
    totalMs: timeoutMs,
  }
}

/** Hosts that make an archive when it is asked for say nothing while they do. */
export function archiveTimeouts(timeoutMs: number): Timeouts {
  return {
    connectMs: Math.min(connectMsMax, timeoutMs),
    headMs: timeoutMs,
    silenceMs: Math.min(waitMsMax, timeoutMs),
    idleMs: timeoutMs,
    speedMs: Math.min(speedMsMax, timeoutMs),
    totalMs: archiveTotalMs,
  }
}
