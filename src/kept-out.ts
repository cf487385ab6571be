import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { PackageName } from './composer/names.ts'
import { compareVersions, versionParts } from './composer/version-compare.ts'
import { createHits } from './composer/version-rules.ts'
import { isBranch, normalizeVersion } from './composer/versions.ts'
import type { FrozenPackage } from './freezes.ts'
import { type Advice, adviceOf, type Hits, warningsOfBlock } from './kept-out-words.ts'
import type { IsReserved } from './private/reserved.ts'
import { addSeconds, type Instant } from './time-machine/instant.ts'
import { dayOf } from './time-machine/utc-period.ts'

/** What a block or a freeze keeps out, and what is to be known about it. */
export interface KeptOut extends Advice {
  readonly hits: Hits
  readonly warnings: readonly string[]
}

export interface KeptOutOptions {
  /** All versions of a package that were ever recorded, normalized, those that are gone since included. */
  readonly namedVersions: (packageName: PackageName) => Promise<readonly string[]>
  /** How often each was reported as installed from a day on. */
  readonly installsSince: (
    packageName: PackageName,
    day: string,
  ) => Promise<ReadonlyMap<string, number>>
  /** Has upstream asked what the package has now; whether it answered. */
  readonly observe: (packageName: PackageName) => Promise<boolean>
  readonly isReserved: IsReserved
  readonly distMode: 'mirror' | 'rewrite'
  readonly now: () => Instant
  readonly logger: Logger
}

/** Says what decisions that are in force already keep out; none of it can undo one. */
export interface DescribeKeptOut {
  readonly byBlock: (packageName: PackageName, constraint: string) => Promise<KeptOut>
  readonly byFreeze: (frozen: FrozenPackage) => Promise<KeptOut>
}

/** Somebody waits for the answer. */
const observedWithinMs = 2_000
const installsDays = 30
const daySeconds = 86_400
const versionsShownMax = 1_000
const versionsPerTurn = 1_000

export function createDescribeKeptOut(options: KeptOutOptions): DescribeKeptOut {
  const { namedVersions, isReserved, distMode, now } = options

  async function shown(
    packageName: PackageName,
    { versions, isUpToDate }: { versions: readonly string[] | undefined; isUpToDate: boolean },
  ): Promise<Hits> {
    const installsSince = dayOf(addSeconds(now(), -installsDays * daySeconds))
    const counts = await options.installsSince(packageName, installsSince)
    const counted = versions?.map((versionNormalized) => {
      return { versionNormalized, installs: counts.get(versionNormalized) ?? 0 }
    })
    return {
      versions: counted
        ?.toSorted((one, other) => other.installs - one.installs)
        .slice(0, versionsShownMax),
      count: versions?.length,
      isUpToDate,
      installsSince,
    }
  }
  return {
    async byBlock(packageName, constraint) {
      const isOurs = await isReserved(packageName)
      const isUpToDate = isOurs || (await observed(packageName, options))
      const named = await namedVersions(packageName)
      const isKnown = isUpToDate || named.length > 0
      const versions = isKnown ? await hitAmong(named, constraint) : undefined
      const hits = await shown(packageName, { versions, isUpToDate })
      const about = { packageName, hits, isOurs, distMode }
      const known = { count: named.length, newest: newestOf(named) }
      return {
        hits,
        warnings: warningsOfBlock(about, known),
        ...adviceOf({ ...about, decision: 'block' }),
      }
    },
    async byFreeze({ package: packageName, heldBack }) {
      const versions = heldBack.versions.map((version) => normalizeVersion(version) ?? version)
      const hits = await shown(packageName, { versions, isUpToDate: true })
      const about = { packageName, hits, isOurs: false, distMode }
      return { hits, warnings: [], ...adviceOf({ ...about, decision: 'freeze' }) }
    },
  }
}

/** Doesn't reject: what was decided is in force, whatever becomes of the question. */
async function observed(
  packageName: PackageName,
  { observe, logger }: KeptOutOptions,
): Promise<boolean> {
  const asking = observe(packageName).catch((error: unknown) => {
    logger.error({ err: error, packageName }, `${packageName} could not be observed`)
    return false
  })
  return await Promise.race([asking, delay(observedWithinMs, false, { ref: false })])
}

/** Lets others have their turn: there may be a hundred thousand versions. */
async function hitAmong(named: readonly string[], constraint: string): Promise<readonly string[]> {
  const isHit = createHits(constraint, named.length)
  const hit: string[] = []
  for (let from = 0; from < named.length; from += versionsPerTurn) {
    hit.push(...named.slice(from, from + versionsPerTurn).filter(isHit))
    await nextTurn()
  }
  return hit
}

function newestOf(named: readonly string[]): string | undefined {
  const numbered = named.filter((version) => !isBranch(version))
  const [first, ...others] = numbered.map((version) => ({ version, parts: versionParts(version) }))
  return others.reduce(
    (newest, each) =>
      newest !== undefined && compareVersions(newest.parts, each.parts) < 0 ? each : newest,
    first,
  )?.version
}
