import type { Instant } from './instant.ts'

/** `2026-06-01` */
export function dayOf(instant: Instant): string {
  return instant.slice(0, 10)
}

/** `2026-06-01T12` */
export function hourOf(instant: Instant): string {
  return instant.slice(0, 13)
}
