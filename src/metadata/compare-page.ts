import { type PackageName, packageOfDocument } from '../composer/names.ts'
import { addSeconds, type Instant, msOfInstant } from '../time-machine/instant.ts'
import type { FollowedFeed, NamedChange } from './follow-feed.ts'
import type { NewestList } from './name-lists.ts'

/** What a page of the feed says beside the list of upstream's names. */
export interface Compared {
  readonly list: string
  /** Packages that it names and the list lacks. */
  readonly unlisted: readonly PackageName[]
}

/**
 * How far before the list was fetched the first page begins that is compared with it. Packagist's is up to five
 * minutes old when it comes, and clocks differ.
 */
const overlapSeconds = 3600
/** A list that no page was compared with for longer is too old: the page would go further back than feeds reach. */
const firstWithinSeconds = 12 * 3600
/** Packagist gets 300 new packages a day. More in one page, and the list isn't of all names. */
const unlistedMax = 2_000

/** The list that the page after `last` is to be compared with; `from`, in ms since 1970: where it then has to begin. */
export interface Comparable {
  readonly list: NewestList
  readonly fromMs: number | undefined
}

export function comparableWith(
  list: NewestList | undefined,
  last: FollowedFeed['last'],
  present: Instant,
): Comparable | undefined {
  if (list === undefined || last === undefined) return undefined
  if (last.list === list.id) return { list, fromMs: undefined }
  if (present >= addSeconds(list.fetchedAt, firstWithinSeconds)) return undefined
  return { list, fromMs: msOfInstant(list.fetchedAt) - overlapSeconds * 1000 }
}

/** undefined: it can't be compared, so the list isn't of use until another page can be. */
export async function comparePage(
  { resync, changes }: { readonly resync: boolean; readonly changes: readonly NamedChange[] },
  comparable: Comparable | undefined,
): Promise<Compared | undefined> {
  if (comparable === undefined || resync) return undefined
  const { list } = comparable
  const updated = changes.filter(({ change }) => change === 'update')
  const names = updated.flatMap(({ document }) => packageOfDocument(document)?.packageName ?? [])
  const unlisted = await list.unlistedAmong([...new Set(names)])
  return unlisted.length > unlistedMax ? undefined : { list: list.id, unlisted }
}
