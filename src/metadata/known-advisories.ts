import { LRUCache } from 'lru-cache'
import type { DocumentName, PackageName } from '../composer/names.ts'
import type { Sha256 } from '../events/types.ts'
import type { AdvisoriesThen, Confidence } from '../time-machine/confidence.ts'
import { Instant } from '../time-machine/instant.ts'
import type { Hindsight } from '../time-machine/reconstruct.ts'
import type { DatesOfAdvisories } from './advisory-dates.ts'
import type { AdvisoriesName, BodyName } from './bodies.ts'

/** The newest body that was recorded of a document. */
export interface NewestBody {
  readonly sha256: Sha256
  readonly lastModified: Instant
}

export interface KnownAdvisoriesOptions {
  /** At pins: those that were known then, or those that are known now. */
  readonly pinAdvisories: 'recorded' | 'live'
  readonly hindsightIn: (sha256: Sha256, packageName: PackageName) => Promise<Hindsight>
  readonly datesOf: DatesOfAdvisories
  readonly newest: (document: DocumentName) => Promise<NewestBody | undefined>
}

interface Asked {
  readonly document: DocumentName
  readonly packageName: PackageName
}

/** What is known of the security of a document's versions. */
export interface Knowledge {
  /** Those that the document is sent with; undefined: its own. */
  readonly advisories: AdvisoriesName | undefined
  /** Of which day they are, where that has to be said. */
  readonly ofThen: AdvisoriesThen | undefined
  /**
   * Which date stands for the document: the one that it was found with; a later one, as that has stood for what
   * is left out here; or that of its bytes, as they change.
   */
  readonly dated: 'as-found' | 'later' | 'by-bytes'
}

const bodiesMax = 1_000
const beginning = Instant.parse('1970-01-01T00:00:00.000000Z')

export interface Pinned {
  readonly at: Instant
  readonly body: BodyName
  readonly confidence: Confidence
  /** The body that was the newest then, when a freeze hid it. */
  readonly hidden: Sha256 | undefined
}

/** Says what a pinned document knows: see PROXY_PIN_ADVISORIES. */
export type PinnedKnowledge = (asked: Asked, pinned: Pinned) => Promise<Knowledge>

/** A freeze holds versions, and not what becomes known of them. */
export function knownFrom(
  sha256: Sha256 | undefined,
  { body, packageName }: { readonly body: BodyName; readonly packageName: PackageName },
): AdvisoriesName | undefined {
  return sha256 === undefined || sha256 === body.sha256 ? undefined : { packageName, of: sha256 }
}

/**
 * @throws AppError `upstream_unavailable` when upstream has to be asked when advisories were reported, and
 * doesn't say.
 */
export function createPinnedKnowledge(options: KnownAdvisoriesOptions): PinnedKnowledge {
  const { pinAdvisories, hindsightIn, datesOf, newest } = options
  const hindsights = new LRUCache<string, Hindsight>({ max: bodiesMax })

  async function hindsightOf(sha256: Sha256, packageName: PackageName): Promise<Hindsight> {
    const key = `${packageName} ${sha256}`
    const known = hindsights.get(key) ?? (await hindsightIn(sha256, packageName))
    hindsights.set(key, known)
    return known
  }

  /** Of what is inferred from a body that was first seen later. */
  async function inferred(
    { document, packageName }: Asked,
    sha256: Sha256,
    at: Instant,
  ): Promise<Knowledge> {
    const hindsight = await hindsightOf(sha256, packageName)
    const { isAbandoned, isNamingAdvisories, advisoryIds } = hindsight
    if (!isNamingAdvisories) {
      return { advisories: undefined, ofThen: undefined, dated: isAbandoned ? 'later' : 'as-found' }
    }
    const named = { document, packageName, sha256, advisoryIds }
    const nowhere = { dates: undefined, instants: [] }
    const { dates, instants } = advisoryIds.length === 0 ? nowhere : await datesOf(named)
    const by = instants.findLast((instant) => instant <= at) ?? beginning
    return {
      advisories: { packageName, of: sha256, reported: { dates, by } },
      ofThen: dates === undefined ? 'unknown' : 'reported-by-then',
      dated: 'later',
    }
  }

  return async (asked, { at, body, confidence, hidden }) => {
    const isInferred = confidence === 'reconstructed'
    const isLive = pinAdvisories === 'live'
    if (!isLive && isInferred && hidden === undefined) {
      return await inferred(asked, body.sha256, at)
    }
    const from = isLive ? (await newest(asked.document))?.sha256 : hidden
    const advisories = knownFrom(from, { body, ...asked })
    return {
      advisories,
      ofThen: isLive ? 'live' : undefined,
      dated: isInferred || advisories !== undefined ? 'by-bytes' : 'as-found',
    }
  }
}
