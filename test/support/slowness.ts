/**
 * How many times as long as on two quiet cores things take here: 1 or more. The runner finds it out, from
 * its own start and from the machine's load when a file's turn comes.
 */
const slowness = Math.max(1, Number(process.env['TEST_SLOWNESS'] ?? 1))

/** A limit for what takes `quietMs` at the very most on two quiet cores, made longer on a slower machine. */
export function patientMs(quietMs: number): number {
  return Math.round(quietMs * slowness)
}
