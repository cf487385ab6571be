import { LRUCache } from 'lru-cache'
import type { PackageName } from '../composer/names.ts'
import type { ServablePart } from '../composer/servable-part.ts'
import type { Ruled } from '../composer/version-rules.ts'
import type { Digest } from '../digestion/digestion.ts'
import type { Sha256 } from '../events/types.ts'
import { Instant } from '../time-machine/instant.ts'

/** Which bytes to serve: a snapshot as it is, or what is made of it. */
export interface BodyName {
  readonly sha256: Sha256
  readonly reconstructed: { readonly packageName: PackageName; readonly at: Instant } | undefined
  /** There when its advisories aren't those that were recorded with it. */
  readonly advisories?: AdvisoriesName
  /** There when versions may be in it that may not be served, or its `filter` may say something else. */
  readonly ruled?: Ruled
  /** Set when the bytes recorded aren't given to anybody as they are; see servable.ts. */
  readonly servable?: ServablePart
  /** There when all archives of this package are to be at this proxy. */
  readonly rewrittenFor?: PackageName
}

/** Which advisories a document is sent with. */
export interface AdvisoriesName {
  readonly packageName: PackageName
  /** Those of a recorded body … */
  readonly of: Sha256
  /** … without what isn't known to have been reported by then; `dates`: see advisory-dates.ts. */
  readonly reported?: { readonly dates: Sha256 | undefined; readonly by: Instant }
}

export interface Bodies {
  /** @throws DocumentUnreadable when it is of a former release, and past a limit of this one. */
  readonly read: (name: BodyName) => Promise<Buffer>
  /** Names the reconstruction as of `at`; the same for all instants that it is the same for. */
  readonly asOf: (sha256: Sha256, packageName: PackageName, at: Instant) => Promise<BodyName>
}

const beginning = Instant.parse('1970-01-01T00:00:00.000000Z')
const documentsMax = 1000
/** As `reportDatesIn` writes it. */
const noDates = '[]'

export interface BodiesOptions {
  readonly snapshot: (sha256: Sha256) => Promise<Buffer>
  readonly digest: Digest
  /** How clients reach this proxy, for the archives of rewritten documents. */
  readonly publicUrl: string
}

/**
 * Names reconstructions by the last publication at or before the instant, so that asking for a
 * document at any number of instants makes no more bodies than it has versions.
 */
export function createBodies({ snapshot, digest, publicUrl }: BodiesOptions): Bodies {
  const publications = new LRUCache<string, readonly Instant[]>({ max: documentsMax })
  async function publicationsIn(
    sha256: Sha256,
    packageName: PackageName,
  ): Promise<readonly Instant[]> {
    const key = `${packageName} ${sha256}`
    const known = publications.get(key)
    if (known !== undefined) return known
    const times = await digest('publicationTimes', await snapshot(sha256), packageName)
    publications.set(key, times)
    return times
  }
  async function advisoriesText(name: AdvisoriesName): Promise<string | undefined> {
    const { packageName, of, reported } = name
    const body = await snapshot(of)
    if (reported === undefined) return await digest('namedAdvisories', body, packageName)
    const { dates: sha256, by } = reported
    const dates = sha256 === undefined ? noDates : (await snapshot(sha256)).toString()
    return await digest('reportedBy', body, { packageName, dates, by })
  }
  return {
    async read({ sha256, rewrittenFor: packageName, advisories, ...name }) {
      const rewritten = packageName && { packageName, publicUrl }
      const body = await snapshot(sha256)
      const told = advisories && {
        packageName: advisories.packageName,
        advisories: await advisoriesText(advisories),
      }
      const made = [name.servable, name.reconstructed, told, name.ruled, rewritten]
      const isPlain = made.every((each) => each === undefined)
      return isPlain ? body : await digest('render', body, { ...name, told, rewritten })
    },
    async asOf(sha256, packageName, at) {
      const times = await publicationsIn(sha256, packageName)
      const last = times.findLast((time) => time <= at) ?? beginning
      return { sha256, reconstructed: { packageName, at: last } }
    },
  }
}

/** For caches of what is made of bodies: of all that it is made by, packages included. */
export function bodyKey(name: BodyName): string {
  const { sha256, servable, reconstructed, advisories, ruled, rewrittenFor } = name
  return JSON.stringify([sha256, servable, reconstructed, advisories, ruled, rewrittenFor])
}
