import { filterSummary } from '../../composer/names.ts'
import type { DateOf } from '../../database/overlaid-dates.ts'
import type { MalwareSummary, ReadMalwareSummary } from '../../metadata/malware-summary.ts'
import { httpDate, Instant } from '../../time-machine/instant.ts'
import { afterDatesOf } from '../../time-machine/served-date.ts'
import type { Route } from '../route.ts'
import { answerDocument, createEncodedBodies } from './document.ts'
import { type MetadataDeps, staleHeaders } from './package-metadata.ts'
import { alsoPinned, pinOf } from './pin.ts'

export interface SummaryDeps extends Pick<MetadataDeps, 'resolveBasis'> {
  readonly malwareSummary: ReadMalwareSummary
  readonly dateOf: DateOf
}

const beginning = Instant.parse('1970-01-01T00:00:00.000000Z')

/**
 * `/lists/all/summary.json`: which versions of which packages Composer is to refuse. At a pin too it is today's, and it is
 * another one for whoever may read private packages. It is dated by its bytes, whoever it is for, so nobody keeps one that
 * was for somebody else.
 */
export function summary({ malwareSummary, dateOf, resolveBasis }: SummaryDeps): readonly Route[] {
  const encoded = createEncodedBodies(
    async ({ write }: MalwareSummary) => write(),
    ({ key }) => key,
  )
  return alsoPinned({
    surface: 'composer',
    policy: 'read',
    method: 'get',
    path: '/lists/all/summary.json',
    async handle(request) {
      const at = pinOf(request)
      if (at !== undefined) await resolveBasis(at)
      const asked = await malwareSummary(request.principal)
      const body = await encoded(asked)
      const notBefore = afterDatesOf(asked.lastModified ?? beginning)
      const date = await dateOf({ document: filterSummary, digest: body.digest, notBefore })
      return answerDocument(request.headers, {
        body,
        lastModified: httpDate(date),
        headers: { ...forOneAsker, ...staleHeaders(asked.staleSeconds) },
      })
    },
  })
}

const forOneAsker = {
  'Cache-Control': 'private, no-cache',
  Vary: 'Accept-Encoding, Authorization',
} as const
