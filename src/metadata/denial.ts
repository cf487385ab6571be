import { type DocumentName, packageOfDocument } from '../composer/names.ts'
import { type Instant, msOfInstant } from '../time-machine/instant.ts'
import type { NameLists } from './name-lists.ts'

/** Upstream said "no such": at first `since`, and last `at`. */
interface Missing {
  readonly since: Instant
  readonly at: Instant
}

/**
 * Whether upstream is to be asked again though it said "no such" lately, as its own list or feed names the package: one
 * of its servers may have lost the file. It is asked again after 2 s, and then each time when that has been so for twice
 * as long, at least once a minute.
 */
export type IsDoubted = (document: DocumentName, missing: Missing) => Promise<boolean>

const doubtedAfterSeconds = { min: 2, max: 60 } as const

export function createIsDoubted({
  nameLists,
  now,
}: {
  readonly nameLists: Pick<NameLists, 'isListed'>
  readonly now: () => Instant
}): IsDoubted {
  return async (document, { since, at }) => {
    const { min, max } = doubtedAfterSeconds
    const soFarSeconds = secondsBetween(since, at)
    if (secondsBetween(at, now()) < Math.min(Math.max(soFarSeconds, min), max)) return false
    const packageName = packageOfDocument(document)?.packageName
    return packageName !== undefined && (await nameLists.isListed(packageName))
  }
}

/** Clocks step. */
function secondsBetween(from: Instant, to: Instant): number {
  return Math.abs(msOfInstant(to) - msOfInstant(from)) / 1000
}
