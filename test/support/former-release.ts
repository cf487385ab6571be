import { DocumentName } from '../../src/composer/names.ts'
import { newEvent } from '../../src/events/new-event.ts'
import { documentStream } from '../../src/events/types.ts'
import { createSnapshotStore } from '../../src/snapshots/store.ts'
import type { Instant } from '../../src/time-machine/instant.ts'
import type { Service } from './service.ts'

/** Records a body as a release did that looked at less. Returns its `Last-Modified`: now. */
export async function recordUnlooked(
  { log, database, clock }: Pick<Service, 'log' | 'database' | 'clock'>,
  name: string,
  body: string,
): Promise<Instant> {
  const document = DocumentName.parse(name)
  const sha256 = await createSnapshotStore(database.db).put(Buffer.from(body), undefined)
  const fetchedAt = clock.now()
  const sizeBytes = Buffer.byteLength(body)
  const data = { document, sha256, sizeBytes, lastModified: fetchedAt, fetchedAt }
  const events = [newEvent({ type: 'MetadataChanged', data })]
  await log.append({ stream: documentStream(document), expected: 'any', events })
  return fetchedAt
}
