import { hasName, type NameDigests } from '../composer/name-list.ts'
import type { PackageName } from '../composer/names.ts'
import { createSingleFlight } from '../single-flight.ts'
import { addSeconds, type Instant } from '../time-machine/instant.ts'

/** The list of upstream's names that the feed is compared with; see projections/name-list-queries.ts for each field. */
export interface FollowedList {
  readonly list: string
  readonly fetchedAt: Instant
  readonly names: number
  readonly readAt: Instant
  readonly isPartial: boolean
  readonly isNamed: boolean
}

/** The newest list of use, for who reads the feed. */
export interface NewestList {
  readonly id: string
  readonly fetchedAt: Instant
  /** Those of the names that aren't in it, and that the feed hasn't named since. */
  readonly unlistedAmong: (names: readonly PackageName[]) => Promise<readonly PackageName[]>
}

export interface NameListsOptions {
  readonly followedList: (packageName?: PackageName) => Promise<FollowedList | undefined>
  readonly newestList: () => Promise<
    { readonly id: string; readonly fetchedAt: Instant } | undefined
  >
  readonly load: (list: string) => Promise<NameDigests | undefined>
  /** Those of the names that the feed hasn't named since the list was fetched. */
  readonly notNamed: (
    list: string,
    names: readonly PackageName[],
  ) => Promise<readonly PackageName[]>
  readonly noteLacking: (list: string, packageName: PackageName) => Promise<void>
  readonly now: () => Instant
  /** 0: there is no feed, and so no list is of use. */
  readonly feedIntervalSeconds: number
}

/** Why the list isn't in use. `not_compared`: the feed wasn't compared with it. */
export type Unused = 'not_compared' | 'partial' | 'feed_late'

export interface NameLists {
  /**
   * Whether upstream is known not to have a package, without asking it: it isn't in the list of all its names, nor
   * did the feed name it since. Only while the feed has been read without a gap since before the list was fetched,
   * and lately, and while the list holds every package that was seen here.
   */
  readonly isUnlisted: (packageName: PackageName) => Promise<boolean>
  /** Whether upstream's list of all its names has the package, or its feed named it since; the list may err once in 4,096. */
  readonly isListed: (packageName: PackageName) => Promise<boolean>
  /**
   * Those that upstream didn't have when its feed was last read, however long ago: for when nobody can ask. undefined:
   * there is no list that would say.
   */
  readonly lastUnlistedAmong: (
    names: readonly PackageName[],
  ) => Promise<{ readonly names: readonly PackageName[]; readonly at: Instant } | undefined>
  /** To be told of each package that upstream turned out to have; undefined: since when, it doesn't say. */
  readonly seen: (packageName: PackageName, lastModified: Instant | undefined) => Promise<void>
  readonly newest: () => Promise<NewestList | undefined>
  /** The list that the feed is compared with, and why it isn't in use. */
  readonly status: () => Promise<{
    readonly followed: Pick<FollowedList, 'fetchedAt' | 'names'> | undefined
    readonly unused: Unused | undefined
  }>
}

/** What the feed told last holds for so many of its intervals. */
const intervalsMax = 3

/** One list is in memory at a time, once somebody asks for a name that isn't known. */
export function createNameLists(options: NameListsOptions): NameLists {
  const { followedList, feedIntervalSeconds } = options
  let loaded: { readonly list: string; readonly digests: NameDigests } | undefined

  const load = createSingleFlight(
    async (list: string) => {
      if (loaded?.list === list) return loaded.digests
      const digests = await options.load(list)
      if (digests !== undefined) loaded = { list, digests }
      return digests
    },
    (list) => list,
  )
  const whyUnused = (followed: FollowedList | undefined) => whyListUnused(followed, options)
  async function isLacking(list: string, packageName: PackageName): Promise<boolean> {
    const digests = await load(list)
    return digests !== undefined && !hasName(digests, packageName)
  }
  /** undefined: there is no list that would say. */
  async function isInList(packageName: PackageName): Promise<boolean | undefined> {
    const followed = feedIntervalSeconds === 0 ? undefined : await followedList(packageName)
    if (followed === undefined || whyUnused(followed) !== undefined) return undefined
    return followed.isNamed || !(await isLacking(followed.list, packageName))
  }

  return {
    isUnlisted: async (packageName) => (await isInList(packageName)) === false,
    isListed: async (packageName) => (await isInList(packageName)) === true,
    async lastUnlistedAmong(names) {
      const followed = feedIntervalSeconds === 0 ? undefined : await followedList()
      const unused = whyUnused(followed)
      const isOfUse = unused === undefined || unused === 'feed_late'
      if (followed === undefined || followed.isPartial || !isOfUse) return undefined
      const { list, readAt: at } = followed
      const digests = await load(list)
      return digests && { names: await options.notNamed(list, notIn(digests, names)), at }
    },
    async seen(packageName, lastModified) {
      const followed = feedIntervalSeconds === 0 ? undefined : await followedList(packageName)
      if (followed === undefined || followed.isNamed) return
      // What came later is for the feed to name.
      if (lastModified === undefined || lastModified >= followed.fetchedAt) return
      const { list } = followed
      if (await isLacking(list, packageName)) await options.noteLacking(list, packageName)
    },
    async newest() {
      const newest = await options.newestList()
      if (newest === undefined) return undefined
      const { id } = newest
      const digests = await load(id)
      if (digests === undefined) return undefined
      return {
        ...newest,
        unlistedAmong: async (names) => await options.notNamed(id, notIn(digests, names)),
      }
    },
    async status() {
      const followed = await followedList()
      return { followed, unused: whyUnused(followed) }
    },
  }
}

function notIn(digests: NameDigests, names: readonly PackageName[]): readonly PackageName[] {
  return names.filter((name) => !hasName(digests, name))
}

function whyListUnused(
  followed: FollowedList | undefined,
  { now, feedIntervalSeconds }: Pick<NameListsOptions, 'now' | 'feedIntervalSeconds'>,
): Unused | undefined {
  if (followed === undefined || feedIntervalSeconds === 0) return 'not_compared'
  const goodUntil = addSeconds(followed.readAt, intervalsMax * feedIntervalSeconds)
  if (now() > goodUntil) return 'feed_late'
  return followed.isPartial ? 'partial' : undefined
}
