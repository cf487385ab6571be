import { type PackageName, packageOfDocument } from '../composer/names.ts'
import { createPause } from '../event-loop.ts'
import { newEvent } from '../events/new-event.ts'
import type { DomainEvent, NewEvent } from '../events/types.ts'
import type { Compared } from './compare-page.ts'
import type { NamedChange } from './follow-feed.ts'

type ChangeFeedRead = Extract<DomainEvent, { readonly type: 'ChangeFeedRead' }>

/** A page without what it names. */
export type FeedRead = Omit<
  ChangeFeedRead['data'],
  'changed' | 'deleted' | 'more' | 'list' | 'unlisted'
>

/** In JSON, of the names in one event; the rest goes into more events. */
const namesBytesMax = 48 * 1024
/** `{"document":"","changedAt":"2026-06-01T00:00:00.000000Z"},` and a little more. */
const entryBytesBesideName = 64

type Named = NamedChange | { readonly unlisted: PackageName }

/** One event, or as many as the names take: they are appended together, and the last one completes them. */
export async function eventsOfPage(
  page: FeedRead,
  news: readonly NamedChange[],
  compared: Compared | undefined,
): Promise<readonly NewEvent[]> {
  const pause = createPause()
  const unlisted = compared?.unlisted.map((name) => ({ unlisted: name })) ?? []
  const parts = inParts([...unlisted, ...news])
  const events: NewEvent[] = []
  for (const [index, part] of parts.entries()) {
    const data = {
      ...page,
      ...changesIn(part),
      ...(compared && { list: compared.list, ...unlistedIn(part) }),
      ...(index < parts.length - 1 && { more: true as const }),
    }
    events.push(newEvent({ type: 'ChangeFeedRead', data }))
    await pause()
  }
  return events
}

function changesIn(part: readonly Named[]): Pick<ChangeFeedRead['data'], 'changed' | 'deleted'> {
  const changes = part.flatMap((named) => ('document' in named ? named : []))
  const deletedAt = new Map(
    changes.flatMap(({ document, change, changedAt }) => {
      const packageName = packageOfDocument(document)?.packageName
      return change === 'delete' && packageName !== undefined ? [[packageName, changedAt]] : []
    }),
  )
  return {
    changed: changes
      .filter(({ change }) => change === 'update')
      .map(({ document, changedAt }) => ({ document, changedAt })),
    deleted: [...deletedAt].map(([packageName, at]) => ({ packageName, deletedAt: at })),
  }
}

function unlistedIn(part: readonly Named[]): Pick<ChangeFeedRead['data'], 'unlisted'> {
  const unlisted = part.flatMap((named) => ('unlisted' in named ? named.unlisted : []))
  return unlisted.length === 0 ? {} : { unlisted }
}

/** At least one part. */
function inParts(names: readonly Named[]): readonly (readonly Named[])[] {
  const parts: Named[][] = [[]]
  let bytes = 0
  for (const named of names) {
    const entryBytes = ('document' in named ? named.document : named.unlisted).length
    if (bytes + entryBytes + entryBytesBesideName > namesBytesMax) {
      parts.push([])
      bytes = 0
    }
    bytes += entryBytes + entryBytesBesideName
    parts.at(-1)?.push(named)
  }
  return parts
}
