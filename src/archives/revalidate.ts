import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { LRUCache } from 'lru-cache'
import { createSingleFlight, onOneNode, type Turn } from '../single-flight.ts'
import { msOfInstant } from '../time-machine/instant.ts'
import { type ArchiveRequest, keyOf, type KnownReference, type StoredArchive } from './archive.ts'
import { bring, type Brought, type Checked, differs, sinkInto } from './bring.ts'
import { type FetchOptions, keep, missingFact, namesOf, tellDiffering, withRoom } from './fetch.ts'
import { openSpool } from './spool.ts'

export interface RevalidateOptions extends FetchOptions {
  readonly knownReference: (request: ArchiveRequest) => Promise<KnownReference | undefined>
  /** Why a URL isn't asked, in a sentence; undefined: it may be. */
  readonly refusalOf: (url: string) => string | undefined
  readonly turnFor: (name: string) => Turn
  readonly archiveTtlSeconds: number
}

export interface Revalidate {
  readonly isExpired: (stored: StoredArchive) => boolean
  /**
   * Asks upstream whether it still has an archive, with the same files. Never rejects, since whoever
   * wanted the archive has been given it: a reference names a commit, so age alone spoils nothing.
   */
  readonly revalidate: (request: ArchiveRequest) => Promise<void>
}

/** More at once would take upstream's attention from what nobody has yet: these wait for the next request. */
const revalidationsMax = 3
/** After a question without an answer, or with a bad one, the archive isn't asked for again. */
const pauseMs = 60_000
/** Of those pauses; a pause that is forgotten costs a question. */
const pausesMax = 10_000

export function createRevalidate(options: RevalidateOptions): Revalidate {
  const { now, logger, archiveTtlSeconds } = options
  let running = 0
  const askedAtMs = new LRUCache<string, number>({ max: pausesMax })

  function isExpired({ checked_at }: StoredArchive): boolean {
    return msOfInstant(now()) - msOfInstant(checked_at) >= archiveTtlSeconds * 1000
  }
  const once = createSingleFlight(async (request: ArchiveRequest) => {
    return await onOneNode({
      turn: options.turnFor(`archive ${keyOf(request)}`),
      async brought() {
        const stored = await options.storedArchive(request)
        return stored === undefined || !isExpired(stored) ? answered : undefined
      },
      work: async () => await askAgain(request, options),
    })
  }, keyOf)

  return {
    isExpired,
    async revalidate(request) {
      const key = keyOf(request)
      const nowMs = msOfInstant(now())
      const askedAt = askedAtMs.get(key)
      if (askedAt !== undefined && Math.abs(nowMs - askedAt) < pauseMs) return
      if (running >= revalidationsMax) return
      running += 1
      try {
        if (!(await options.hasRoomOnDisk(0))) return
        askedAtMs.set(key, nowMs)
        const { outcome, ...failure } = await once(request)
        if (outcome === 'answered') return
        logger.warn({ ...request, ...failure }, `revalidation ${outcome}`)
      } catch (error) {
        logger.warn({ err: error, ...request }, 'revalidation failed')
      } finally {
        running -= 1
      }
    },
  }
}

const answered = { outcome: 'answered' } as const
type Asking = typeof answered | Extract<Brought, { outcome: 'failed' | 'paused' | 'refused' }>

async function askAgain(request: ArchiveRequest, options: RevalidateOptions): Promise<Asking> {
  const known = await options.knownReference(request)
  const stored = await options.storedArchive(request)
  if (known === undefined || stored === undefined) return answered
  if (options.refusalOf(known.dist_url) !== undefined) return answered
  const file = path.join(options.stagingDirectory, randomUUID())
  const spool = await openSpool(file)
  try {
    const validators = {
      etag: stored.etag ?? undefined,
      lastModified: stored.last_modified ?? undefined,
    }
    const { uncheckedTypes } = options
    const sink = sinkInto(spool, { distType: known.dist_type, uncheckedTypes })
    const into = withRoom(sink, options)
    const brought = await bring(
      { known, uncheckedTypes, validators, path: file, into },
      options.download,
    )
    if (brought.outcome === 'unchanged') {
      await confirm({ request, known, stored }, validators, options)
    } else if (brought.outcome === 'good') {
      await compare({ request, known, stored, archive: brought.archive, file }, options)
    } else if (brought.outcome === 'missing') {
      await options.record(missingFact(request, { known, ...brought }, options))
    } else return brought
    return answered
  } finally {
    await rm(file, { force: true }).finally(spool.close)
  }
}

interface Asked {
  readonly request: ArchiveRequest
  readonly known: KnownReference
  readonly stored: StoredArchive
}

async function compare(
  asked: Asked & { readonly archive: Checked; readonly file: string },
  options: FetchOptions,
): Promise<void> {
  const { known, stored, archive } = asked
  if (differs(known, stored, archive)) await tellDiffering(asked, options)
  // Only what has no reference may change, as a branch without a commit does.
  else if (known.reference === null && stored.sha256 !== archive.sha256) await keep(asked, options)
  else await confirm(asked, archive, options)
}

async function confirm(
  { request, known, stored }: Asked,
  { sha256, etag, lastModified }: Partial<Checked>,
  { record, now }: FetchOptions,
): Promise<void> {
  await record({
    type: 'ArchiveConfirmed',
    data: {
      ...namesOf(request, known),
      sha256: stored.sha256,
      upstreamSha256: sha256 === stored.sha256 ? undefined : sha256,
      etag,
      lastModified,
      fetchedAt: now(),
    },
  })
}
