import { isBranch } from '../../composer/versions.ts'
import type { DomainEvent, RecordedEvent, Sha256 } from '../../events/types.ts'

type EventOf<Type extends DomainEvent['type']> = Extract<DomainEvent, { readonly type: Type }>
export type Published = EventOf<'PrivateVersionPublished'>['data']

/** What was published of a version until now. */
export interface VersionHistory {
  /** What is served of it; undefined: nothing, or nothing any more. */
  readonly served: Published | undefined
  /** What was published last. */
  readonly last: Published
}

/** Of one package, from the events of its stream. undefined: there never was such a version. */
export function historyOf(
  events: readonly RecordedEvent[],
  versionNormalized: string,
): VersionHistory | undefined {
  const own = ownOf(events).filter(({ data }) => data.versionNormalized === versionNormalized)
  const last = own.findLast((event) => event.type === 'PrivateVersionPublished')?.data
  if (last === undefined) return undefined
  return { last, served: own.at(-1)?.type === 'PrivateVersionPublished' ? last : undefined }
}

/** The document that a version belongs to, as it was made last; undefined: there is none yet. */
export function lastDocument(
  events: readonly RecordedEvent[],
  versionNormalized: string,
): Sha256 | undefined {
  const kind = isBranch(versionNormalized)
  return ownOf(events).findLast(({ data }) => isBranch(data.versionNormalized) === kind)?.data
    .documentSha256
}

function ownOf(
  events: readonly RecordedEvent[],
): readonly Extract<
  RecordedEvent,
  { readonly type: 'PrivateVersionPublished' | 'PrivateVersionWithdrawn' }
>[] {
  return events.filter(
    (event) => event.type === 'PrivateVersionPublished' || event.type === 'PrivateVersionWithdrawn',
  )
}
