import type { Logger } from 'pino'
import { type CacheResult, observed, type Observer } from '../telemetry/observer.ts'
import type { Admitted } from './admit.ts'
import type { ArchiveRequest, Arriving, Found } from './archive.ts'
import type { Blob } from './blobs.ts'
import type { OpenArchive } from './read-through.ts'
import { reopening } from './reopen.ts'

export interface ForClientsOptions {
  /** Throws when it may not be served. */
  readonly admit: (request: ArchiveRequest) => Promise<Admitted | undefined>
  readonly open: OpenArchive
  /** Hears of each blob that is used. */
  readonly onUse: (blob: Blob) => void
  readonly observer: Pick<Observer, 'cacheUsed'>
  readonly logger: Logger
}

export type OpenForClients = (request: ArchiveRequest) => Promise<Found | Arriving>

/** Archives for those who may have them, as `open` gives them; what is given is counted, and its use noted. */
export function openingForClients(options: ForClientsOptions): OpenForClients {
  const { admit, open, onUse, observer, logger } = options
  const reopenable = reopening(open, logger)
  return async (wanted) => {
    const { heldSha1 } = (await admit(wanted)) ?? {}
    const request = { ...wanted, sha1: wanted.sha1 ?? heldSha1 }
    const asked = { kind: 'archives', packageName: request.packageName } as const
    let result: CacheResult | undefined
    const archive = await observed(observer, asked, async (note) => {
      return await open(request, (noted) => note((result = noted)))
    })
    if (!('sha256' in archive)) {
      // What isn't kept, or broke off, was not used.
      archive.whole?.then(onUse, () => undefined)
      return archive
    }
    const found = reopenable(request, archive)
    onUse(found)
    if (result !== 'hit') return found
    return {
      ...found,
      onAgain() {
        observer.cacheUsed({ ...asked, result: 'hit' })
        onUse(found)
      },
    }
  }
}
