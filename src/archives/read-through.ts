import { EventEmitter } from 'node:events'
import { LRUCache } from 'lru-cache'
import { type Joinable, joinable } from '../request-context.ts'
import { onOneNode } from '../single-flight.ts'
import { AppError } from '../errors.ts'
import type { PackageName } from '../composer/names.ts'
import type { NoteResult } from '../telemetry/observer.ts'
import { type ArchiveRequest, type Arriving, keyOf, type KnownReference } from './archive.ts'
import type { Blob } from './blobs.ts'
import { fetchArchive } from './fetch.ts'
import { passOn } from './pass-on.ts'
import { isNoRoom } from './staging.ts'
import { msOfInstant } from '../time-machine/instant.ts'
import type { Revalidate, RevalidateOptions } from './revalidate.ts'

export interface OpenArchiveOptions extends RevalidateOptions, Revalidate {
  /** As `storedArchive`, but it may be from memory: what another node stored just now it may not know. */
  readonly storedLately: RevalidateOptions['storedArchive']
  /** What can be told of a commit that no metadata names, from others of its branch. */
  readonly unnamedCommit: (request: ArchiveRequest) => Promise<KnownReference | undefined>
  /** Brings a package's metadata up to date, when its references aren't known yet. */
  readonly refreshPackage: (packageName: PackageName) => Promise<void>
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

  const noRoomAtMs = new LRUCache<string, number>({ max: noRoomMax })

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
    const flight = joinable(() => begin(request, options, forget))
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
    note(flights.has(keyOf(request)) ? 'coalesced' : 'miss')
    try {
      if (await mayHaveRoom(request)) return await join(request).begun
    } catch (error) {
      if (!isNoRoom(error)) throw error
    }
    return await passOn(await findReference(request, options), options)
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
function begin(request: ArchiveRequest, options: OpenArchiveOptions, onEnd: () => void): Flight {
  const begins = new EventEmitter()
  const onArriving = (part: Omit<Arriving, 'whole'>) => void begins.emit('begin', part)
  const arriving = new Promise<Omit<Arriving, 'whole'>>((resolve) => begins.on('begin', resolve))
  const whole = onOneNode({
    turn: options.turnFor(`archive ${keyOf(request)}`),
    brought: async () => await openStored(request, options),
    async work() {
      try {
        const known = await findReference(request, options)
        return await fetchArchive({ request, known, onArriving }, options)
      } finally {
        onEnd()
      }
    },
  })
  const begun = Promise.race([whole, arriving.then((part) => ({ ...part, whole }))])
  return { begun, whole }
}

async function findReference(
  request: ArchiveRequest,
  { knownReference, unnamedCommit, refreshPackage, isAllowed }: OpenArchiveOptions,
): Promise<KnownReference> {
  let known = await knownReference(request)
  if (known === undefined) {
    // An install from a lock file asks for archives without ever asking for metadata.
    await refreshPackage(request.packageName)
    known = (await knownReference(request)) ?? (await unnamedCommit(request))
  }
  if (known === undefined || known.dist_type !== request.distType) {
    throw new AppError(
      'archive_not_found',
      `no metadata of ${request.packageName} names this version and reference`,
    )
  }
  if (!isAllowed(known.dist_url)) {
    throw new AppError(
      'archive_refused',
      `${hostOf(known.dist_url)} isn't among the hosts that archives may come from`,
    )
  }
  return known
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'its URL'
}
