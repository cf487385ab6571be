import { may, type Principal } from '../../access/principal.ts'
import type { ArchiveRequest, Arriving, Found } from '../../archives/archive.ts'
import { ArchiveBlocked } from '../../archives/blocked.ts'
import type { Blob, BlobStore } from '../../archives/blobs.ts'
import type { OpenForClients } from '../../archives/for-clients.ts'
import { versionToken } from '../../composer/mirror-tokens.ts'
import { type PackageName, vendorOf } from '../../composer/names.ts'
import { blockedAmong, type VersionRule } from '../../composer/version-rules.ts'
import { AppError } from '../../errors.ts'
import { Sha256 } from '../../events/types.ts'
import type { IsReserved } from '../reserved.ts'

export interface OwnArchivesOptions {
  /** The versions, normalized, that were ever published with this archive. */
  readonly versionsOf: (packageName: PackageName, sha256: Sha256) => Promise<readonly string[]>
  readonly blocksOf: (packageName: PackageName) => Promise<readonly VersionRule[]>
  readonly blobs: Pick<BlobStore, 'find'>
}

/**
 * The archive of a version of our own, also of one that was withdrawn or that a branch has moved on from:
 * locks name it.
 *
 * @throws AppError `forbidden`, `archive_not_found`, `archive_blocked`, `archive_lost` when its bytes are
 * damaged, which nobody but who publishes it can mend.
 */
export type OpenOwnArchive = (request: ArchiveRequest, principal: Principal) => Promise<Blob>

export function createOpenOwnArchive(options: OwnArchivesOptions): OpenOwnArchive {
  const { versionsOf, blocksOf, blobs } = options
  return async ({ packageName, versionToken: asked, referenceToken, distType }, principal) => {
    // The route has seen to it before. Whoever opens a blob of ours sees to it again.
    if (!may(principal, 'read', vendorOf(packageName))) {
      throw new AppError('forbidden', 'this token does not let you read packages of this vendor')
    }
    const sha256 = Sha256.safeParse(referenceToken).data
    const versions = sha256 === undefined ? [] : await versionsOf(packageName, sha256)
    const version = versions.find((normalized) => versionToken(normalized) === asked)
    if (sha256 === undefined || version === undefined || distType !== 'zip') {
      throw new AppError('archive_not_found', `no version of ${packageName} has this archive`)
    }
    const blocked = blockedAmong([version], await blocksOf(packageName))
    if (blocked !== undefined) throw new ArchiveBlocked(packageName, blocked)
    const blob = await blobs.find(sha256)
    if (blob !== undefined) return blob
    const message = `the archive of ${packageName} ${version} is damaged; whoever has it, publish it again`
    throw new AppError('archive_lost', message)
  }
}

/** Opens what is ours of reserved packages, and of all others what is upstream's. */
export function withOwnArchives(
  upstreams: OpenForClients,
  { own, isReserved }: { readonly own: OpenOwnArchive; readonly isReserved: IsReserved },
): (request: ArchiveRequest, principal: Principal) => Promise<Found | Arriving> {
  /** Upstream may have taken long. A claim answers when what is remembered of reserved names has it everywhere. */
  async function refuseClaimed(packageName: PackageName): Promise<void> {
    if (!(await isReserved(packageName))) return
    const message = `${vendorOf(packageName)} was claimed a moment ago; try again shortly`
    throw new AppError('still_catching_up', message)
  }
  return async (request, principal) => {
    const { packageName } = request
    if (await isReserved(packageName)) return await own(request, principal)
    const archive = await upstreams(request)
    if ('sha256' in archive) {
      try {
        await refuseClaimed(packageName)
      } catch (error) {
        archive.leave?.()
        throw error
      }
      return archive
    }
    await refuseClaimed(packageName)
    return arrivingUnless(archive, async () => await refuseClaimed(packageName))
  }
}

/** The same as long as `refuse` doesn't throw: what is refused before all of it was given isn't whole. */
function arrivingUnless(archive: Arriving, refuse: () => Promise<void>): Arriving {
  const whole = archive.whole?.then(async (blob) => {
    await refuse()
    return blob
  })
  whole?.catch(() => undefined) // It may be that nobody wants it.
  return {
    sizeBytes: archive.sizeBytes,
    async *bytes() {
      for await (const bytes of archive.bytes()) {
        await refuse()
        yield bytes
      }
    },
    ...(whole !== undefined && { whole }),
  }
}
