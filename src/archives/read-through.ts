import { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { type Joinable, joinable } from '../request-context.ts'
import { isAbbreviatedCommit } from '../composer/mirror-tokens.ts'
import { onOneNode } from '../single-flight.ts'
import { AppError } from '../errors.ts'
import type { NoteResult } from '../telemetry/observer.ts'
import type { RefreshPackage } from './admit.ts'
import { type ArchiveRequest, type Arriving, keyOf, type KnownReference } from './archive.ts'
import type { Blob } from './blobs.ts'
import { fetchArchive } from './fetch.ts'
import { passOn } from './pass-on.ts'
import { createRefusedArchives, type RefusedArchives } from './refused.ts'
import { isNoRoom } from './staging.ts'
import { msOfInstant } from '../time-machine/instant.ts'
import { hostOf, wordsFor } from '../upstream/causes.ts'
import type { Revalidate, RevalidateOptions } from './revalidate.ts'
import type { FindUnnamedCommit, UnnamedCommit } from './unnamed-commits.ts'

export interface OpenArchiveOptions extends RevalidateOptions, Revalidate {
  /** As `storedArchive`, but it may be from memory: what another node stored just now it may not know. */
  readonly storedLately: RevalidateOptions['storedArchive']
  readonly unnamedCommit: FindUnnamedCommit
  readonly refreshPackage: RefreshPackage
}

/**
 * An archive, from the blob store or else fetched, checked and kept. While it is fetched, all who want
 * it get what arrives of it.
 *
 * @throws AppError `archive_not_found` when no metadata ever named it or upstream doesn't have it,
 * `archive_refused` when its host isn't allowed, `archive_invalid` when it isn't what metadata says,
 * `upstream_unavailable` when upstream gave no answer. Once it is arriving, its bytes throw instead.
 */
export type OpenArchive = (request: ArchiveRequest, note?: NoteResult) => Promise<Blob | Arriving>

interface Flight {
  readonly begun: Promise<Blob | Arriving>
  readonly whole: Promise<Blob>
}

export function createOpenArchive(options: OpenArchiveOptions): OpenArchive {
  const flights = new Map<string, Joinable<Flight>>()
  const refused = createRefusedArchives(options.now)

  const noRoomAtMs = new LRUCache<string, number>({ max: noRoomMax })

  /** An abbreviated commit that no metadata names is passed on each time, as it may be another one tomorrow. */
  async function mayBeKept(request: ArchiveRequest): Promise<boolean> {
    const { knownReference, refreshPackage } = options
    if (!isAbbreviatedCommit(request.referenceToken)) return true
    if ((await knownReference(request)) !== undefined) return true
    await refreshPackage(request.packageName, { client: request.client })
    return (await knownReference(request)) !== undefined
  }
  async function mayHaveRoom(request: ArchiveRequest): Promise<boolean> {
    const key = keyOf(request)
    if (flights.has(key)) return true
    const noRoomAt = noRoomAtMs.get(key)
    if (noRoomAt !== undefined && msOfInstant(options.now()) - noRoomAt < noRoomMs) return false
    return await options.hasRoomOnDisk(0)
  }
  function join(request: ArchiveRequest): Flight {
    const key = keyOf(request)
    const underWay = flights.get(key)
    if (underWay !== undefined) {
      underWay.join()
      return underWay.outcome
    }
    const flight = joinable(() => begin(request, { ...options, refused }, forget))
    function forget(): void {
      if (flights.get(key) === flight) flights.delete(key)
    }
    flights.set(key, flight)
    const { whole } = flight.outcome
    whole.then(forget, forget)
    whole.catch((error: unknown) => {
      if (isNoRoom(error)) noRoomAtMs.set(key, msOfInstant(options.now()))
    })
    return flight.outcome
  }

  return async (request, note = () => undefined) => {
    const { storedLately: storedArchive } = options
    const stored = await openStored(request, { ...options, storedArchive }, note)
    if (stored !== undefined) return stored
    const key = keyOf(request)
    note(refused.has(key) ? 'negative' : flights.has(key) ? 'coalesced' : 'miss')
    refused.refuse(key)
    try {
      if ((await mayBeKept(request)) && (await mayHaveRoom(request))) {
        return await join(request).begun
      }
    } catch (error) {
      if (!isNoRoom(error)) throw error
    }
    return await asking(request, { ...options, refused }, async (known) => {
      return await passOn(known, options)
    })
  }
}

/** What had no room on the disk is passed on at once for so long. */
const noRoomMs = 600_000
const noRoomMax = 1_000

/** What is kept is served whatever its age; the question whether upstream still has it goes on behind. */
async function openStored(
  request: ArchiveRequest,
  { storedArchive, blobs, isExpired, revalidate }: OpenArchiveOptions,
  note: NoteResult = () => undefined,
): Promise<Blob | undefined> {
  const stored = await storedArchive(request)
  if (stored === undefined || stored.purged) return undefined
  const blob = await blobs.find(stored.sha256)
  if (blob === undefined) return undefined
  const expired = isExpired(stored)
  note(expired ? 'stale' : 'hit')
  if (expired) void revalidate(request)
  return blob
}

/** @param onEnd is called before anybody who waits for bytes can hear of it. */
function begin(request: ArchiveRequest, options: AskingOptions, onEnd: () => void): Flight {
  const begins = new EventEmitter()
  const onArriving = (part: Omit<Arriving, 'whole'>) => void begins.emit('begin', part)
  const arriving = new Promise<Omit<Arriving, 'whole'>>((resolve) => begins.on('begin', resolve))
  let origin = 'its origin'
  const whole = onOneNode({
    turn: options.turnFor(`archive ${keyOf(request)}`),
    brought: async () => await openStored(request, options),
    async work() {
      try {
        return await asking(request, options, async (known) => {
          origin = hostOf(known.dist_url)
          return await fetchArchive({ request, known, onArriving }, options)
        })
      } finally {
        onEnd()
      }
    },
  })
  const late = new AbortController()
  const begun = Promise.race([
    whole,
    arriving.then((part) => ({ ...part, whole })),
    refusedAfter(firstByteMsMax, late.signal, () => origin),
  ]).finally(() => late.abort())
  return { begun, whole }
}

/** For the first byte of an archive; the download goes on, so that who asks later may find it. */
const firstByteMsMax = 5_000

async function refusedAfter(
  waitMs: number,
  signal: AbortSignal,
  origin: () => string,
): Promise<never> {
  await delay(waitMs, undefined, { signal, ref: false })
  const why = { cause: 'answer_timed_out', host: origin() } as const
  throw new AppError('upstream_unavailable', `the archive isn't cached here, and ${wordsFor(why)}`)
}

type AskingOptions = OpenArchiveOptions & { readonly refused: RefusedArchives }

/** Has `ask` ask upstream for it, and remembers when that is to no avail. */
async function asking<Given>(
  request: ArchiveRequest,
  options: AskingOptions,
  ask: (known: KnownReference) => Promise<Given>,
): Promise<Given> {
  const { known, end } = await findReference(request, options)
  const isUnnamed = end !== undefined
  let isMadeUp = false
  try {
    return await ask(known)
  } catch (error) {
    options.refused.add(keyOf(request), error, isUnnamed)
    // With a time at which to ask again, it wasn't asked.
    isMadeUp = error instanceof AppError && error.retryAfterSeconds === undefined
    throw error
  } finally {
    end?.(isMadeUp)
  }
}

/** `end` is there when no metadata names it. */
async function findReference(
  request: ArchiveRequest,
  { knownReference, unnamedCommit, refreshPackage, refusalOf }: OpenArchiveOptions,
): Promise<{ readonly known: KnownReference; readonly end?: UnnamedCommit['end'] }> {
  let known = await knownReference(request)
  let unnamed: UnnamedCommit | undefined
  if (known === undefined) {
    // An install from a lock file asks for archives without ever asking for metadata.
    await refreshPackage(request.packageName, { client: request.client })
    known = await knownReference(request)
    // A SHA-1 is only known from metadata.
    const mayBeUnnamed = known === undefined && request.sha1 === undefined
    unnamed = mayBeUnnamed ? await unnamedCommit(request) : undefined
    known ??= unnamed?.known
  }
  try {
    return { known: checked(request, known, refusalOf), ...(unnamed && { end: unnamed.end }) }
  } catch (error) {
    unnamed?.end(false)
    throw error
  }
}

function checked(
  request: ArchiveRequest,
  known: KnownReference | undefined,
  refusalOf: OpenArchiveOptions['refusalOf'],
): KnownReference {
  if (known === undefined || known.dist_type !== request.distType) {
    throw new AppError(
      'archive_not_found',
      `no metadata of ${request.packageName} names this version and reference`,
    )
  }
  const refusal = refusalOf(known.dist_url)
  if (refusal !== undefined) {
    throw new AppError('archive_refused', `archives aren't fetched from there: ${refusal}`)
  }
  return known
}
