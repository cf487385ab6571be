import type { Fault } from './faults.ts'

/**
 * How upstream is down: its port is closed, it takes requests and never answers them, or it answers all
 * of them with this status.
 */
export type Outage = 'refuse' | 'silent' | { readonly status: number }

/** What is down: where archives come from, all but that, or both. */
export type OutagePart = 'archives' | 'metadata' | 'all'

const matches: Readonly<Record<OutagePart, RegExp>> = {
  archives: /^\/(dist|zipball|codeload)\//,
  metadata: /^\/(?!dist\/|zipball\/|codeload\/)/,
  all: /^/,
}

/** An outage as a fault of requests. Both parts are one host, so a part refuses by resetting. */
export function outageFault(how: Outage, of: OutagePart): Fault {
  const match = matches[of]
  if (how === 'refuse') return { match, mode: 'reset' }
  if (how === 'silent') return { match, mode: 'hang' }
  return { match, mode: 'status', status: how.status }
}
