import { rootDocument } from '../composer/names.ts'
import { type UpstreamEndpoints, upstreamEndpoints } from '../composer/packages-json.ts'
import { parseRootFile } from '../composer/root-file.ts'
import type { Sha256 } from '../events/types.ts'
import type { CurrentDocument } from './current.ts'
import { ifKnown } from './if-known.ts'

export interface EndpointsOptions {
  readonly current: CurrentDocument
  readonly snapshot: (sha256: Sha256) => Promise<Buffer>
  /** Of the upstream repository. */
  readonly upstreamUrl: string
}

/**
 * Where upstream answers what isn't metadata, as its root file says now: nothing but its operator can
 * put a URL there.
 *
 * @throws AppError `upstream_unavailable` when there is no root file yet and upstream doesn't answer.
 */
export type ReadEndpoints = () => Promise<UpstreamEndpoints>

export function createReadEndpoints(options: EndpointsOptions): ReadEndpoints {
  const { current, snapshot, upstreamUrl } = options
  return async () => {
    const { sha256 } = await current(rootDocument, { canDoWithout: true })
    return upstreamEndpoints(parseRootFile(await snapshot(sha256)), upstreamUrl)
  }
}

/** The same for what runs by itself: none while there is no root file, which is recorded and logged. */
export async function endpointsIfKnown(endpoints: ReadEndpoints): Promise<UpstreamEndpoints> {
  return (await ifKnown(endpoints)) ?? {}
}
