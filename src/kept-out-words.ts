import type { PackageName } from './composer/names.ts'

/** The versions that are kept out. */
export interface Hits {
  /** The most installed first, and not all when there are very many; undefined: they aren't known, which isn't none. */
  readonly versions: readonly HitVersion[] | undefined
  /** Of all of them. */
  readonly count: number | undefined
  /** Upstream was asked just now what there is; otherwise it is what is recorded. */
  readonly isUpToDate: boolean
  /** A day, `2026-06-01`. */
  readonly installsSince: string
}

interface HitVersion {
  /** As Composer compares it. */
  readonly versionNormalized: string
  /** How often it was reported as installed since `installsSince`. */
  readonly installs: number
}

/** What no answer of this server can keep from happening, and what somebody can do about it; sentences. */
export interface Advice {
  /** Who gets the versions all the same, and how. */
  readonly stillInstalledBy: readonly string[]
  readonly whatToDo: readonly string[]
}

export interface About {
  readonly packageName: PackageName
  readonly hits: Hits
  /** Nothing of it is upstream's. */
  readonly isOurs: boolean
  readonly distMode: 'mirror' | 'rewrite'
}

/** Of the package, all versions that are recorded. */
interface KnownVersions {
  readonly count: number
  readonly newest: string | undefined
}

export function warningsOfBlock(about: About, known: KnownVersions): readonly string[] {
  const { packageName, hits } = about
  if (hits.count === undefined) {
    return [
      `Which versions of ${packageName} this hits isn't known: nothing of it is recorded here, and upstream doesn't answer. The block is in force.`,
    ]
  }
  if (!hits.isUpToDate) return [olderWords(hits.count, known)]
  return hits.count > 0 ? [] : [noneWords(about, known)]
}

function olderWords(count: number, known: KnownVersions): string {
  const newer = "upstream doesn't answer, so it may hit newer ones that aren't recorded yet"
  if (count > 0) return `These are of what is recorded here: ${newer}.`
  return `None of the ${known.count} versions that are recorded here is hit; ${newer}.`
}

function noneWords({ packageName, isOurs }: About, { count, newest }: KnownVersions): string {
  if (count === 0) {
    const where = isOurs ? 'among your own packages' : 'here or upstream'
    return `Nothing is hit: there is no package ${packageName} ${where}. See whether that is its name.`
  }
  const last = newest === undefined ? '' : `, the newest of which is ${newest}`
  return `Nothing is hit: the constraint is met by none of the ${count} versions of ${packageName} that were ever seen${last}.`
}

export function adviceOf(about: About & { readonly decision: 'block' | 'freeze' }): Advice {
  const { packageName, hits, decision } = about
  if (decision === 'block' && hits.count === 0 && hits.isUpToDate) {
    const unblock = `If it isn't meant for versions to come, take it back: POST /api/v1/proxy/unblock with the package and the constraint.`
    return { stillInstalledBy: [], whatToDo: [unblock] }
  }
  const around = wayAround(about)
  return {
    stillInstalledBy: [
      ...(around === undefined ? [] : [around]),
      "Whoever has such a version in `vendor` already, or its archive in Composer's own cache: nothing is asked here then. A cache in front of this server may give it for another hour.",
    ],
    whatToDo: [
      `Have \`composer update ${packageName}\` run wherever composer.lock names such a version. GET /api/v1/audit/installs?package=${packageName}&from=${hits.installsSince}T00:00:00Z lists who installed which.`,
      ...(decision === 'block'
        ? ['Have Composer 2.10 or later install: it refuses a lock file that names such a version.']
        : []),
      ...(around === undefined ? [] : [closing(about)]),
    ],
  }
}

/** undefined: its lock files name no other place. */
function wayAround(about: Parameters<typeof adviceOf>[0]): string | undefined {
  const { isOurs, distMode, decision } = about
  if (isOurs) return undefined
  const [who, status] =
    decision === 'block'
      ? ['Composer before 2.10, which reads no list of malware,', 410]
      : ['Composer of every release,', 404]
  const how =
    distMode === 'mirror'
      ? 'it takes the archive from its origin'
      : 'it tries to clone the source from its origin'
  return `${who} from a lock file that names such a version: after the ${status} from here ${how}.`
}

function closing({ distMode }: About): string {
  return distMode === 'mirror'
    ? 'To leave no way around, set PROXY_DIST_MODE=rewrite, and let the machines that install reach nothing but this server.'
    : 'To leave no way around, let the machines that install reach nothing but this server.'
}
