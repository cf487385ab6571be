import { z } from 'zod'
import { normalizeVersion } from '../../composer/versions.ts'
import { PackageName } from '../../composer/names.ts'
import { Instant, parseInstant } from '../../time-machine/instant.ts'
import { endpoint } from '../endpoint.ts'
import { InstantText } from '../instant-text.ts'
import type { ApiRoute } from '../route.ts'

const Installs = z.object({
  installs: z.array(
    z.object({
      package: PackageName,
      versionNormalized: z.string().describe('As Composer compares it.'),
      day: z.string().describe('UTC.'),
      actor: z.string().describe('Whose token it was, by its id: `token <id>`; or `anonymous`.'),
      tokenName: z.string().nullable().describe('Of that token, if it was one.'),
      count: z.int().positive().describe('How often on that day.'),
      lastAt: Instant.describe('The last time on that day.'),
    }),
  ),
  isComplete: z.boolean().describe('false: there are more; ask about less.'),
  asOf: Instant.describe(
    'All that was reported before is in. Another node hands on within an hour and a minute what it was told.',
  ),
})
type Installs = z.infer<typeof Installs>

export interface InstallQuery {
  readonly packageName: PackageName | undefined
  readonly versionNormalized: string | undefined
  readonly actor: string | undefined
  readonly from: Instant | undefined
  readonly until: Instant | undefined
  readonly limit: number
}

export interface InstallsDeps {
  /** Records what this node was told of, as far as that goes. @returns up to when all of it is in the read models. */
  readonly bringUpToDate: () => Promise<Instant>
  /** The last ones first, at most `limit`. */
  readonly readInstalls: (query: InstallQuery) => Promise<Installs['installs']>
}

const limitMax = 1_000

/** Who installed what, and when: as Composer reported it. */
export function auditInstalls({ bringUpToDate, readInstalls }: InstallsDeps): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'get',
    path: '/api/v1/audit/installs',
    id: 'readInstalls',
    summary: 'Who installed what, and when, as Composer reported it',
    description:
      `Summed up by day; the last ones first, ${limitMax} at most. Composer reports when an install has ended; ` +
      'what was reported is recorded once a minute, or when this asks. A client may leave it out to report, and may ' +
      'report what it did not do.',
    query: z.strictObject({
      package: PackageName.optional(),
      version: z.string().max(200).optional().describe('As in composer.json or normalized.'),
      actor: z.string().max(100).optional(),
      from: InstantText.optional().describe('Last reported then or later …'),
      until: InstantText.optional().describe('… and before then.'),
    }),
    result: Installs,
    errors: ['still_catching_up'],
    async handle({ query }) {
      const { version } = query
      const asOf = await bringUpToDate()
      const found = await readInstalls({
        packageName: query.package,
        versionNormalized:
          version === undefined ? undefined : (normalizeVersion(version) ?? version),
        actor: query.actor,
        from: optional(query.from),
        until: optional(query.until),
        limit: limitMax + 1,
      })
      return { installs: found.slice(0, limitMax), isComplete: found.length <= limitMax, asOf }
    },
  })
}

function optional(text: string | undefined): Instant | undefined {
  return text === undefined ? undefined : parseInstant(text)
}
