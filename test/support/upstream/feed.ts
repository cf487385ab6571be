import type { History, PackageState } from './history.ts'

/** The feed counts in units of 100 µs since the epoch. */
const unitsPerSecond = 10_000

/** The feed knows what happened within so many seconds; who is further behind must start anew. */
const reachSeconds = 24 * 3600

interface Action {
  readonly type: 'update' | 'delete' | 'resync'
  readonly package: string
  /** Seconds. */
  readonly time: number
}

/** What to pass as `since` to be told everything after this second. */
export function timestampOf(now: number): number {
  return (now + 1) * unitsPerSecond
}

/**
 * The page of changes from `since` on. Each document occurs at most once, with its last change: what
 * happened to it in between is not to be had from the feed.
 */
export function changesSince(
  history: History,
  { since, now }: { readonly since: number; readonly now: number },
): { readonly actions: readonly Action[]; readonly timestamp: number } {
  const timestamp = timestampOf(now)
  if (since < (now - reachSeconds) * unitsPerSecond) {
    return { actions: [{ type: 'resync', package: '*', time: now }], timestamp }
  }
  const actions = history
    .statesAt(now)
    .flatMap((state) => lastChanges(state))
    .filter(({ time }) => time * unitsPerSecond >= since)
    .toSorted((one, other) => one.time - other.time)
  return { actions, timestamp }
}

/** A deletion goes by the name of the package and means both of its documents. */
function lastChanges({ description: { name }, modifiedAt, isDeleted }: PackageState): Action[] {
  if (isDeleted) return [{ type: 'delete', package: name, time: modifiedAt.tags }]
  return [
    { type: 'update', package: name, time: modifiedAt.tags },
    { type: 'update', package: `${name}~dev`, time: modifiedAt.dev },
  ]
}
