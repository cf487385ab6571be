import type { OpenForClients } from '../../archives/for-clients.ts'
import { AppError } from '../../errors.ts'
import type { DocumentAsOf } from '../../metadata/as-of.ts'
import type { CurrentDocument } from '../../metadata/current.ts'
import type { Overlay } from '../../metadata/overlay.ts'
import type { SnapshotStore } from '../../snapshots/store.ts'
import { Instant } from '../../time-machine/instant.ts'

export interface Upstreams {
  readonly current: CurrentDocument
  readonly asOf: DocumentAsOf
  readonly overlay: Overlay
  readonly openArchive: OpenForClients
}

async function noPackage(): Promise<never> {
  throw new AppError('package_not_found', 'this server has no packages but its own')
}

const beginning = Instant.parse('1970-01-01T00:00:00.000000Z')

/** In place of an upstream, when there is to be none: its root file is empty, and it has no packages. */
export async function noUpstream(snapshots: Pick<SnapshotStore, 'put'>): Promise<Upstreams> {
  const sha256 = await snapshots.put(Buffer.from('{}'), undefined)
  const body = { sha256, reconstructed: undefined }
  return {
    current: async () => ({ sha256, lastModified: beginning, staleSeconds: undefined }),
    asOf: async (_document, { at }) => ({
      body,
      lastModified: beginning,
      confidence: 'exact',
      since: beginning,
      until: at,
    }),
    overlay: { now: noPackage, asOf: noPackage },
    async openArchive() {
      throw new AppError('archive_not_found', 'this server has no archives but its own')
    },
  }
}
