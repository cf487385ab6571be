import { z } from 'zod'
import { actorOf, may } from '../../access/principal.ts'
import { PackageName } from '../../composer/names.ts'
import { Reason, Sha256, sizeBytes } from '../../events/event-schema.ts'
import type { Publish, PublishedVersion } from '../../private/publish/publish.ts'
import type { Withdraw } from '../../private/publish/withdraw.ts'
import { mayNotDate, parsePublishedTime, publishedTimeForm } from '../../private/publish/dates.ts'
import { AppError } from '../../errors.ts'
import { Instant } from '../../time-machine/instant.ts'
import { endpoint } from '../endpoint.ts'
import { readParams, readQuery } from '../input.ts'
import type { UploadLimits } from '../receiving.ts'
import { type ApiRoute, jsonAnswer, type RouteRequest } from '../route.ts'
import { packageNamed, versionParams } from './names.ts'

const Version = z.object({
  package: PackageName,
  version: z.string(),
  versionNormalized: z.string().describe('As Composer compares it.'),
  reference: Sha256.describe('The SHA-256 of the zip, and the reference in metadata.'),
  shasum: z.string().describe('Its SHA-1, as in metadata.'),
  sizeBytes,
  publishedAt: Instant,
  publishedTime: Instant.optional().describe(
    'When another registry published it, as Composer is told.',
  ),
})

export const Publication = Version.extend({
  outcome: z
    .enum(['published', 'unchanged', 'moved'])
    .describe('unchanged: these bytes are published already; moved: a branch was somewhere else.'),
  warnings: z
    .array(z.string())
    .readonly()
    .describe('What else it changed, such as that /metrics takes a token from now on; sentences.'),
})

export const claim = z
  .enum(['true', 'false'])
  .optional()
  .describe('true: although the vendor has public packages, which are served no more from then on.')
const query = z.strictObject({
  claim,
  'published-at': z
    .string()
    .max(64)
    .optional()
    .describe(
      'When another registry published it, such as 2020-05-01T12:00:00Z. Only for those who administer the vendor; it ' +
        'is told to Composer, whose cooldown goes by it, and changes no date of this server.',
    ),
})

/** An honest connection brings 500 MiB in that time at 1.2 Mbit/s. */
const limits: UploadLimits = { idleMs: 60_000, totalMs: 3_600_000 }

const path = '/api/v1/packages/:vendor/:package/:version'

export function publishRoutes({
  publish,
  withdraw,
  now,
}: {
  readonly publish: Publish
  readonly withdraw: Withdraw
  readonly now: () => Instant
}): readonly ApiRoute[] {
  return [publishRoute(publish, now), withdrawRoute(withdraw)]
}

function publishRoute(publish: Publish, now: () => Instant): ApiRoute {
  const publication = { description: 'Publishes a version', schema: Publication }
  return {
    surface: 'api',
    policy: 'publish',
    method: 'put',
    path,
    takes: 'application/zip',
    operation: {
      id: 'publishVersion',
      summary: 'Publishes a version of a package of your own, from its zip',
      description:
        'The body is the zip, of at most 500 MiB. Its composer.json must have the name that the URL ' +
        'has, and the version or none. A version never changes once it is published, a branch ' +
        '(dev-main, 1.x-dev) moves. The same zip again changes nothing, and puts the archive back ' +
        'if it was damaged or lost.',
      params: versionParams,
      query,
      answers: {
        201: publication,
        200: { ...publication, description: 'It is published already' },
      },
      errors: [
        'invalid_request',
        'unauthorized',
        'forbidden',
        'cross_site',
        'package_not_found',
        'package_invalid',
        'version_exists',
        'vendor_is_public',
        'too_large',
        'unsupported_media_type',
        'upload_broke_off',
        'no_room',
        'database_unavailable',
      ],
    },
    async handle(request) {
      const { version, ...name } = readParams(request, versionParams)
      const { claim: claimed, 'published-at': said } = readQuery(request, query)
      const { principal, requestId } = request
      const published = await publish(
        {
          packageName: packageNamed(name),
          version,
          publishedTime: said === undefined ? undefined : timeSaid(said, request, now()),
          claim: claimed === 'true',
          mayPublish: (vendor) => may(principal, 'publish', vendor),
          actor: actorOf(principal),
          requestId,
        },
        request.upload(limits),
      )
      const status = published.outcome === 'unchanged' ? 200 : 201
      return jsonAnswer(status, publicationOf(published))
    },
  }
}

export function publicationOf(published: PublishedVersion): z.output<typeof Publication> {
  const { packageName, sha256: reference, sha1: shasum } = published
  return Publication.parse({ ...published, package: packageName, reference, shasum })
}

function timeSaid(text: string, { principal, param }: RouteRequest, present: Instant): Instant {
  const vendor = param('vendor').toLowerCase()
  if (!may(principal, 'admin', vendor)) throw mayNotDate(vendor)
  const time = parsePublishedTime(text, present)
  if (time !== undefined) return time
  throw new AppError('invalid_request', `published-at must be ${publishedTimeForm}`)
}

function withdrawRoute(withdraw: Withdraw): ApiRoute {
  return endpoint({
    policy: 'publish',
    method: 'delete',
    path,
    id: 'withdrawVersion',
    summary: 'Withdraws a version of a package of your own',
    description:
      'It is in metadata no more from now on. Its archive stays, for lock files and for dates ' +
      'before. What is withdrawn already stays so. The same zip can be published again.',
    params: versionParams,
    body: z.strictObject({ reason: Reason.optional() }),
    result: Version.extend({ withdrawn: z.literal(true) }),
    errors: ['package_not_found', 'version_not_found'],
    async handle({ params: { version, ...name }, body: { reason }, actor, requestId }) {
      const packageName = packageNamed(name)
      const last = await withdraw({ packageName, version, actor, requestId, reason })
      return {
        ...last,
        package: packageName,
        reference: last.sha256,
        shasum: last.sha1,
        withdrawn: true as const,
      }
    },
  })
}
