import { LRUCache } from 'lru-cache'
import type { DocumentName, PackageName } from '../composer/names.ts'
import { type Digest, digestIfReadable } from '../digestion/digestion.ts'
import { AppError } from '../errors.ts'
import type { EventLog } from '../events/log.ts'
import {
  advisoriesStream,
  type DomainEvent,
  type Position,
  type RecordedEvent,
  type Sha256,
} from '../events/types.ts'
import type { IsReserved } from '../private/reserved.ts'
import { decideOnStream } from '../package-decisions.ts'
import { createSingleFlight } from '../single-flight.ts'
import type { SnapshotStore } from '../snapshots/store.ts'
import { type Instant, msOfInstant } from '../time-machine/instant.ts'
import type { AskAdvisories } from '../upstream/advisories.ts'
import { parseReportDates } from '../time-machine/report-dates.ts'

/** The advisories that a recorded body of a document names. */
export interface NamedAdvisories {
  readonly document: DocumentName
  readonly packageName: PackageName
  readonly sha256: Sha256
  readonly advisoryIds: readonly string[]
}

/** When they were reported. */
export interface AdvisoryDates {
  /** Of the dates, in the snapshot store; undefined: upstream had no place to ask. */
  readonly dates: Sha256 | undefined
  /** All that there are, in order. */
  readonly instants: readonly Instant[]
}

export interface AdvisoryDatesOptions {
  readonly askAdvisories: AskAdvisories
  readonly isReservedByNow: IsReserved
  readonly digest: Digest
  readonly snapshots: Pick<SnapshotStore, 'get' | 'put'>
  readonly log: EventLog
  readonly until: (position: Position) => Promise<void>
  readonly now: () => Instant
}

/**
 * When advisories were reported: asked once, and recorded, so that what is made of it stays the same for good,
 * whatever upstream says later. Of two nodes that ask at once, what the first one recorded counts.
 *
 * @throws AppError `upstream_unavailable` when it isn't recorded and upstream can't be asked.
 */
export type DatesOfAdvisories = (named: NamedAdvisories) => Promise<AdvisoryDates>

const datesMax = 1_000
/** After a failure upstream isn't asked again for this long: Composer tries four times within a second. */
const failurePauseSeconds = 5

export function createDatesOfAdvisories(options: AdvisoryDatesOptions): DatesOfAdvisories {
  const { snapshots, now } = options
  const known = new LRUCache<string, AdvisoryDates>({ max: datesMax })
  const failures = new LRUCache<string, { readonly at: Instant; readonly error: AppError }>({
    max: datesMax,
  })

  function refuseWhilePaused(named: NamedAdvisories): void {
    const failed = failures.get(keyOf(named))
    if (failed === undefined) return
    const pauseMs =
      failurePauseSeconds * 1000 - Math.abs(msOfInstant(now()) - msOfInstant(failed.at))
    if (pauseMs > 0) throw noDates(named, failed.error, Math.ceil(pauseMs / 1000))
  }

  async function askedNow(named: NamedAdvisories): Promise<AdvisoriesDated> {
    refuseWhilePaused(named)
    try {
      return await ask(named, options)
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'upstream_unavailable')) throw error
      failures.set(keyOf(named), { at: now(), error })
      throw noDates(named, error, error.retryAfterSeconds)
    }
  }

  const find = createSingleFlight(async (named: NamedAdvisories) => {
    const recorded = await record(named, { ...options, askedNow })
    const { datesSha256: dates } = recorded
    const text = dates && (await snapshots.get(dates)).toString()
    const instants = text === undefined ? [] : [...parseReportDates(text).values()]
    const found = { dates, instants: [...new Set(instants)].toSorted() }
    known.set(keyOf(named), found)
    return found
  }, keyOf)

  return async (named) => known.get(keyOf(named)) ?? (await find(named))
}

type AdvisoriesDated = Extract<DomainEvent, { readonly type: 'AdvisoriesDated' }>

/** A document has one first state. It would have another only if that was read in another way. */
async function record(
  { document, sha256, ...named }: NamedAdvisories,
  { log, until, askedNow }: Recording,
): Promise<AdvisoriesDated['data']> {
  const datesIn = (events: readonly RecordedEvent[]): AdvisoriesDated['data'] | undefined => {
    const dated = events.flatMap(({ type, data }) => (type === 'AdvisoriesDated' ? [data] : []))
    return dated.find((data) => data.sha256 === sha256)
  }
  const stream = advisoriesStream(document)
  const events = await decideOnStream({ log, until, stream }, async (before) =>
    datesIn(before) === undefined ? await askedNow({ document, sha256, ...named }) : undefined,
  )
  const recorded = datesIn(events)
  if (recorded === undefined) throw new Error(`${stream}: what was recorded is not there`)
  return recorded
}

interface Recording extends Pick<AdvisoryDatesOptions, 'log' | 'until'> {
  readonly askedNow: (named: NamedAdvisories) => Promise<AdvisoriesDated>
}

async function ask(
  named: NamedAdvisories,
  { askAdvisories, isReservedByNow, digest, snapshots, now }: AdvisoryDatesOptions,
): Promise<AdvisoriesDated> {
  const { document, packageName, sha256, advisoryIds } = named
  if (await isReservedByNow(packageName)) {
    const message = `${packageName} was claimed a moment ago; try again shortly`
    throw new AppError('still_catching_up', message)
  }
  const told = await askAdvisories([packageName])
  const about = { document, sha256, fetchedAt: now() }
  if (told === undefined) return { type: 'AdvisoriesDated', data: about }
  const records = Buffer.from(told.byName.get(packageName) ?? '[]')
  const dates = await digestIfReadable(digest)('reportDates', records, advisoryIds)
  if (dates === undefined) {
    const message = 'upstream has more security advisories than can be read'
    throw new AppError('upstream_unavailable', message)
  }
  const datesSha256 = await snapshots.put(Buffer.from(dates), undefined)
  return { type: 'AdvisoriesDated', data: { ...about, datesSha256 } }
}

function noDates(
  { document }: NamedAdvisories,
  cause: AppError,
  retryAfterSeconds: number | undefined,
): AppError {
  const message =
    `before the past of ${document} can be told, upstream has to say when the security advisories in it were ` +
    `reported; ${cause.message}`
  const when = retryAfterSeconds === undefined ? {} : { retryAfterSeconds }
  return new AppError('upstream_unavailable', message, { ...when, cause })
}

function keyOf({ document, sha256 }: NamedAdvisories): string {
  return `${document} ${sha256}`
}
