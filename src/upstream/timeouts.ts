/** How long each part of a request may take, in milliseconds. */
export interface Timeouts {
  /** Each of: resolving the name, connecting, agreeing on TLS. */
  readonly connectMs: number
  /** From the request being sent to the head of its answer being there. */
  readonly firstByteMs: number
  /** Between two bytes. */
  readonly idleMs: number
  /** Over which a body must come at the least speed; see least-speed.ts. */
  readonly speedMs: number
  /** All of it: waiting for its turn, redirects, retries, the body. */
  readonly totalMs: number
}

const connectMsMax = 5_000
const stallMsMax = 15_000
/** A link that breaks off for some seconds makes up for it within the window. */
const speedMsMax = 10_000
/** A large archive over a slow line takes longer than any metadata, as long as bytes keep coming. */
const archiveTotalMs = 600_000

/** @param timeoutMs what the operator set. */
export function metadataTimeouts(timeoutMs: number): Timeouts {
  const stallMs = Math.min(stallMsMax, timeoutMs)
  return {
    connectMs: Math.min(connectMsMax, timeoutMs),
    firstByteMs: stallMs,
    idleMs: stallMs,
    speedMs: Math.min(speedMsMax, timeoutMs),
    totalMs: timeoutMs,
  }
}

/** Hosts that make an archive when it is asked for say nothing while they do. */
export function archiveTimeouts(timeoutMs: number): Timeouts {
  return {
    connectMs: Math.min(connectMsMax, timeoutMs),
    firstByteMs: timeoutMs,
    idleMs: timeoutMs,
    speedMs: Math.min(speedMsMax, timeoutMs),
    totalMs: archiveTotalMs,
  }
}
