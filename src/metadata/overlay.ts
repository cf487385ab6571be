import type { Client } from '../access/client.ts'
import type { Principal } from '../access/principal.ts'
import { digestOfLists, type FilterLists } from '../composer/document-filter.ts'
import { type DocumentName, isOfTags, type PackageName } from '../composer/names.ts'
import { listsOf, type VersionRule } from '../composer/version-rules.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import type { Position, Sha256 } from '../events/types.ts'
import type { AdvisoriesThen } from '../time-machine/confidence.ts'
import { decides } from '../request-context.ts'
import { Instant } from '../time-machine/instant.ts'
import { afterDatesOf } from '../time-machine/served-date.ts'
import type { AsOfAnswer, Basis, DocumentAsOf } from './as-of.ts'
import type { AdvisoriesName, BodyName } from './bodies.ts'
import type { CurrentDocument } from './current.ts'
import { knownFrom, type NewestBody, type PinnedKnowledge } from './known-advisories.ts'
import type { Render } from './rendering.ts'
import type { Servable, ServableBody } from './servable.ts'

/** A freeze, over or not; see projections/freeze.ts for each field. */
export interface Freeze {
  readonly position: Position
  readonly at: Instant
  readonly unfrozen_position: Position | null
}

/** What operators have laid over what upstream says of a package. */
export interface LaidOver {
  /** From the first, those that are over included. */
  readonly freezes: readonly Freeze[]
  /** Those in force. */
  readonly rules: readonly VersionRule[]
  /** The lists that the newest document has beside malware. */
  readonly otherLists: FilterLists
  /** There was a rule at some time. */
  readonly isRuled: boolean
  /** Some answer was dated by its bytes. */
  readonly isDated: boolean
}

/** A document of a package as it is to be sent. */
export interface ServedDocument {
  readonly body: BodyName
  /** Undefined: there is none that no other bytes have. */
  readonly lastModified: Instant | undefined
  /** There when its bytes themselves have to be given a date, which then stands for them: from here on. */
  readonly datedFrom: Instant | undefined
  /** See CurrentAnswer; undefined for the past. */
  readonly staleSeconds: number | undefined
  /** There when it is of the past. */
  readonly asOf: Past | undefined
}

interface Past extends Pick<AsOfAnswer, 'confidence' | 'since' | 'until'> {
  /** Of which day its advisories are, where that has to be said. */
  readonly advisories?: AdvisoriesThen | undefined
}

export interface OverlayOptions {
  readonly laidOver: (packageName: PackageName) => Promise<LaidOver>
  readonly current: CurrentDocument
  readonly asOf: DocumentAsOf
  readonly positionAt: (at: Instant) => Promise<Position>
  readonly render: Render
  readonly servable: Servable
  readonly newest: (document: DocumentName) => Promise<NewestBody | undefined>
  /** The body that was the newest as of a position; undefined: upstream had no such document. */
  readonly recordedAt: (document: DocumentName, position: Position) => Promise<Sha256 | undefined>
  /** The same, after upstream was asked what it has now, when that isn't known, for as long as anybody waits. */
  readonly newestObserved: OverlayOptions['newest']
  readonly pinnedKnowledge: PinnedKnowledge
  /** Is told of a document of now of which something is left out. */
  readonly lookAgain: (document: DocumentName) => void
  /** Keeps the bytes of a document without versions. */
  readonly emptyDocument: (packageName: PackageName) => Promise<Sha256>
}

export interface PackageDocument {
  readonly document: DocumentName
  readonly packageName: PackageName
  /** At whose expense it is looked up when it isn't known yet. */
  readonly client: Client
  /** What is ours alone is for those who may read it. */
  readonly principal: Principal
  /** Refuses what would have to be reconstructed. */
  readonly isStrict?: boolean
}

/** Documents of packages as clients get them: see CurrentDocument, DocumentAsOf and PinnedKnowledge for the errors. */
export interface Overlay {
  readonly now: (asked: PackageDocument) => Promise<ServedDocument>
  readonly asOf: (asked: PackageDocument, basis: Basis) => Promise<ServedDocument>
}

/**
 * Lays what operators decided over what upstream says: a frozen package is answered as of the instant that
 * it is held at, and a pin sees the freezes that were in force then. Rules are today's, whatever is asked:
 * what is known to be bad now is given to nobody any more, and `filter` says so.
 */
export function createOverlay(options: OverlayOptions): Overlay {
  const { laidOver, render, servable, newest, lookAgain, emptyDocument } = options
  const find = createFind(options)

  async function serve(
    asked: PackageDocument,
    { found, over: known, isPlain }: ToServe,
  ): Promise<ServedDocument> {
    const { document, packageName } = asked
    const own = await servable(found.body, packageName)
    if (!own.isWhole && found.asOf === undefined) lookAgain(document)
    // When it says something else than the rules, it may be so new that it makes some.
    const over = saysAll(own, known, asked) ? known : await laidOver(packageName)
    const { rules, otherLists } = over
    const isRuled = rules.length > 0 || !saysAll(own, over, asked)
    const ruled = { packageName, rules, otherLists: isOfTags(document) ? otherLists : undefined }
    const body = isRuled ? { ...own.body, ruled } : own.body
    const rendered = render({ ...found, body }, packageName)
    const { staleSeconds, asOf: past } = found
    // Clients may have the bytes that were recorded, with the date of those.
    const isRecorded = isPlain(over) && body === found.body && !found.isDatedByBytes
    const datedFrom = isRecorded ? undefined : await firstFreeDate(document, found)
    return { ...rendered, datedFrom, staleSeconds, asOf: past }
  }

  async function firstFreeDate(document: DocumentName, { lastModified }: Found): Promise<Instant> {
    const last = (await newest(document))?.lastModified ?? lastModified
    return afterDatesOf(last > lastModified ? last : lastModified)
  }

  /** Composer takes what no server has from where its lock says, so of what is ruled there is always a document. */
  async function orNothing(
    { packageName }: PackageDocument,
    { rules }: LaidOver,
    { find: findIt, asOf: past }: Pick<Found, 'asOf'> & { readonly find: () => Promise<Found> },
  ): Promise<Found> {
    try {
      return await findIt()
    } catch (error) {
      if (rules.length === 0 || !isNotToBeHad(error)) throw error
      const body = { sha256: await emptyDocument(packageName), reconstructed: undefined }
      const nothing = { staleSeconds: undefined, isDatedByBytes: true } as const
      return { ...nothing, body, lastModified: beginning, asOf: past }
    }
  }

  return {
    async now(asked) {
      const over = await laidOver(asked.packageName)
      if (freezeNow(over.freezes) !== undefined) decides('frozen')
      const now = async () => await find.now(asked, over.freezes)
      const found = await orNothing(asked, over, { find: now, asOf: undefined })
      return await serve(asked, { found, over, isPlain: isUntouched })
    },
    async asOf(asked, basis) {
      const over = await laidOver(asked.packageName)
      const { at, settled } = basis
      const asOf = async () => await find.asOf(asked, over.freezes, basis)
      // Settled or not: a document that comes later can disprove that there was none.
      const nothing = { confidence: 'unsettled', since: at, until: at } as const
      const found = await orNothing(asked, over, { find: asOf, asOf: nothing })
      const isPlain = (known: LaidOver) => isUntouched(known) || (settled && !known.isRuled)
      return await serve(asked, { found, over, isPlain })
    },
  }
}

const beginning = Instant.parse('1970-01-01T00:00:00.000000Z')

function isUntouched({ freezes, isRuled, isDated }: LaidOver): boolean {
  return !isRuled && !isDated && freezes.length === 0
}

const notToBeHad: ReadonlySet<ErrorCode> = new Set([
  'package_not_found',
  'not_known_then',
  'upstream_unavailable',
  'allowance_used_up',
])

function isNotToBeHad(error: unknown): boolean {
  return error instanceof AppError && notToBeHad.has(error.code)
}

/** Whether the `filter` of a document says what the rules do; that of branches says nothing to anybody. */
function saysAll(
  { filter }: ServableBody,
  { rules, otherLists }: LaidOver,
  { document }: PackageDocument,
): boolean {
  return !isOfTags(document) || filter === digestOfLists(listsOf(rules, otherLists))
}

interface Found extends Pick<ServedDocument, 'body' | 'staleSeconds' | 'asOf'> {
  readonly lastModified: Instant
  /** Its date may have stood for other bytes. */
  readonly isDatedByBytes: boolean
}

interface Find {
  readonly now: (asked: PackageDocument, freezes: readonly Freeze[]) => Promise<Found>
  readonly asOf: (
    asked: PackageDocument,
    freezes: readonly Freeze[],
    basis: Basis,
  ) => Promise<Found>
}

/**
 * Finds what upstream says, or said when the package was frozen. A freeze holds versions, and not what becomes
 * known of them: that is of the newest body, or of the one that was the newest at a pin.
 */
function createFind(options: OverlayOptions): Find {
  const { current, asOf, positionAt, newestObserved, recordedAt, pinnedKnowledge } = options

  async function findAsOf({ document, client }: PackageDocument, basis: Basis) {
    const answer = await asOf(document, basis, { client })
    const { body, lastModified } = answer
    return { body, lastModified, staleSeconds: undefined, asOf: answer, isDatedByBytes: false }
  }

  return {
    async now(asked, freezes) {
      const { document, client } = asked
      const held = freezeNow(freezes)
      if (held === undefined) {
        const { sha256, lastModified, staleSeconds } = await current(document, { client })
        const body = { sha256, reconstructed: undefined }
        return { body, lastModified, staleSeconds, asOf: undefined, isDatedByBytes: false }
      }
      const newest = await newestObserved(document)
      const found = await findAsOf(asked, await basisOfFreeze(held, positionAt))
      const advisories = knownFrom(newest?.sha256, { ...asked, ...found })
      return { ...found, body: withAdvisories(found.body, advisories) }
    },
    async asOf(asked, freezes, basis) {
      const held = freezes.find((freeze) => isInForce(freeze, basis.position))
      const { settled } = basis // Until then a freeze may still be recorded at or before the pin.
      const heldAt = held && { ...(await basisOfFreeze(held, positionAt)), settled }
      const found = await findAsOf(asked, heldAt ?? basis)
      if (asked.isStrict === true) refuseReconstruction(found.asOf, basis)
      const { advisories, ofThen, dated } = await pinnedKnowledge(asked, {
        ...found.asOf,
        at: basis.at,
        hidden: held && (await recordedAt(asked.document, basis.position)),
      })
      return {
        ...found,
        body: withAdvisories(found.body, advisories),
        lastModified: dated === 'later' ? afterDatesOf(found.lastModified) : found.lastModified,
        asOf: { ...found.asOf, advisories: ofThen },
        isDatedByBytes: dated === 'by-bytes',
      }
    },
  }
}

function refuseReconstruction({ confidence }: AsOfAnswer, { at }: Basis): void {
  if (confidence !== 'reconstructed') return
  const message = `this proxy had not seen the package yet at ${at}, and strict=1 wants no reconstruction`
  throw new AppError('not_known_then', message)
}

function withAdvisories(body: BodyName, advisories: AdvisoriesName | undefined): BodyName {
  return advisories === undefined ? body : { ...body, advisories }
}

interface ToServe {
  readonly found: Found
  readonly over: LaidOver
  /**
   * Nothing was ever laid over it. Otherwise dates of states may be those of other bytes too: a freeze brings
   * former states back, and some that are made up, and rules change what a state is sent as.
   */
  readonly isPlain: (over: LaidOver) => boolean
}

function isInForce({ position, unfrozen_position }: Freeze, at: Position): boolean {
  return position <= at && (unfrozen_position === null || unfrozen_position > at)
}

export function freezeNow<Known extends Freeze>(freezes: readonly Known[]): Known | undefined {
  return freezes.find(({ unfrozen_position }) => unfrozen_position === null)
}

/** What a freeze holds. Nothing that was recorded after it is part of that, whatever the clocks say. */
export async function basisOfFreeze(
  { at, position }: Freeze,
  positionAt: OverlayOptions['positionAt'],
): Promise<Basis> {
  const then = await positionAt(at)
  return { at, position: then < position ? then : position, settled: true }
}
