import type { PackageName } from '../composer/names.ts'
import { AppError } from '../errors.ts'
import type { EventLog } from '../events/log.ts'
import { newEvent } from '../events/new-event.ts'
import { archiveStream, type DomainEvent, type Position, type Sha256 } from '../events/types.ts'
import type { StoredArchive } from './archive.ts'

type ArchiveAccepted = Extract<DomainEvent, { readonly type: 'ArchiveAccepted' }>['data']

export interface AcceptOptions {
  /** In place of which archives of a reference upstream offers other files. */
  readonly differing: (
    packageName: PackageName,
    reference: string,
  ) => Promise<readonly DifferingArchive[]>
  readonly log: EventLog
  /** Resolves once the read models have everything up to `position`. */
  readonly until: (position: Position) => Promise<void>
}

type DifferingArchive = Pick<StoredArchive, 'tree_sha256'> & {
  readonly dist_type: string
  readonly version_normalized: string
  readonly differed_tree_sha256: Sha256 | null
}

export type AcceptRequest = Pick<
  ArchiveAccepted,
  'packageName' | 'actor' | 'requestId' | 'reason'
> & { readonly reference: string }

/**
 * Has the other files that upstream was seen to offer under a reference take the place of those that were stored,
 * and no files but these: at the next request the archive is fetched.
 *
 * @returns what was accepted, one for each type.
 * @throws AppError `archive_not_found` when upstream was seen to offer no other files.
 */
export type AcceptArchive = (
  request: AcceptRequest,
) => Promise<readonly Pick<ArchiveAccepted, 'distType' | 'treeSha256' | 'upstreamTreeSha256'>[]>

export function createAcceptArchive({ differing, log, until }: AcceptOptions): AcceptArchive {
  return async (request) => {
    const { packageName, reference } = request
    const found = await differing(packageName, reference)
    const accepted = found.flatMap((archive): readonly ArchiveAccepted[] => {
      const { tree_sha256: treeSha256, differed_tree_sha256: upstreamTreeSha256 } = archive
      if (treeSha256 === null || upstreamTreeSha256 === null) return []
      const { dist_type: distType, version_normalized: versionNormalized } = archive
      return [{ ...request, versionNormalized, distType, treeSha256, upstreamTreeSha256 }]
    })
    if (accepted.length === 0) {
      const message = `no archive of ${packageName} is known to have other files upstream under this reference`
      throw new AppError('archive_not_found', message)
    }
    const events = accepted.map((data) => newEvent({ type: 'ArchiveAccepted', data }))
    const stream = archiveStream(packageName)
    const result = await log.append({ stream, expected: 'any', events })
    if (result.outcome === 'appended') await until(result.events.at(-1)?.position ?? 0n)
    return accepted
  }
}
