import { z } from 'zod'
import { AppError } from '../errors.ts'
import { type ProblemCode, problemNamed } from './errors.ts'
import type { ApiRoute } from './route.ts'

/** What each problem is, and what can be done about it, whichever request it is of. */
const meanings: Readonly<Record<ProblemCode, string>> = {
  invalid_request:
    'Something in the path, the query or the body is not as it has to be; the sentence names it and what it may be. GET /api/v1/openapi.json describes every request.',
  invalid_instant:
    'A date does not exist, has no time zone, is yet to come or, for an expiry, over. Dates are written 2026-05-01, 2026-05-01T12:00:00Z or 20260501T120000Z.',
  unauthorized:
    'A token is needed, and none that counts was sent: it may be mistyped, expired or revoked. Send one as `Authorization: Bearer`, or as the password of `Basic` with any user name; Composer takes it from auth.json.',
  forbidden:
    'The token counts and does not allow this. Whoever administers Almanac can issue one with the scope and the vendor that the sentence names.',
  cross_site:
    "A page of another site than PUBLIC_URL's sent this through a browser. Set PUBLIC_URL to the URL that people use, or send the request with a program.",
  route_not_found: 'Nothing is at this path. GET /api/v1/openapi.json lists all there is.',
  method_not_allowed: 'This path takes other methods; the header `Allow` names them.',
  package_not_found:
    'There is no such package: not among your own, and upstream has none of that name. See whether the name is right.',
  package_reserved:
    'The package is your own, and nothing of it comes from upstream. It changes only when somebody publishes or withdraws a version.',
  version_not_found:
    'The package has no such version. GET /api/v1/packages/{vendor}/{package} lists those it has.',
  package_invalid:
    'The zip, or its composer.json, is not one that Composer could install; the sentence says what is wrong. Mend that, and publish the new zip.',
  version_exists:
    'The version was published with other bytes, or another date, and never changes. Publish these as another version.',
  vendor_is_public:
    'The vendor has public packages, which would be served no more once it has a package of your own. With `?claim=true` it is yours all the same.',
  vendor_reserved:
    'The setting PRIVATE_VENDORS reserves the vendor: take it out of there, and start anew.',
  not_known_then:
    'At that date nothing was known of the package, or only what would have to be reconstructed, which `strict` refuses. Ask for a later date, or without `strict`.',
  archive_not_found:
    'No metadata that was ever seen names this version and reference. See whether the lock file is of this repository.',
  alert_not_found: 'There is no alert of this id. GET /api/v1/proxy/alerts?state=all lists them.',
  token_not_found: 'There is no token of this id. GET /api/v1/tokens lists them.',
  token_not_rotatable:
    'The token is revoked, expired, or has a successor: rotate that one, or issue a new one.',
  archive_refused:
    'Archives are not fetched from where this one is, or not of its type. Settings decide that: PROXY_DIST_HOSTS and PROXY_UNCHECKED_TYPES.',
  archive_blocked:
    'The version is blocked, by the operator or as malware, and is given to nobody. Run `composer update` for the package, which takes another version. GET /api/v1/proxy/blocks shows what is blocked and why.',
  archive_held_back:
    'The package is frozen, and this archive is of a version that it did not have then. Run `composer update` for the package, or have it unfrozen: POST /api/v1/proxy/unfreeze/{vendor}/{package}.',
  archive_invalid:
    'What upstream sent is no sound archive, or has other files than this commit had before. It is not served; the sentence and the alerts say what is wrong with it.',
  archive_not_here:
    'The archive is not here, and its origin did not give it in time. Composer goes on to the origin by itself; ask again later.',
  archive_unavailable:
    'The archive is not here, and its origin does not give it now. The sentence says why; ask again later.',
  archive_lost:
    'The archive of a package of your own is damaged. Publish the same zip again, which puts it back.',
  allowance_used_up:
    'One client asked for more than its share, such as for names that do not exist. Wait for as long as `Retry-After` says; a token has an allowance of its own.',
  no_connection_left: 'All connections that this server takes are in use. Ask again shortly.',
  too_large: 'What was sent is larger than is taken here; the sentence names the limit.',
  upload_broke_off: 'The body stopped coming, or took too long. Send it again.',
  no_room:
    'The disk has no room for what was sent. Free space on it, or lower PROXY_MAX_CACHE_SIZE.',
  unsupported_media_type:
    'The body has another `Content-Type` than this path takes: JSON, a zip or a tar. Send files with `curl -T`, since `--data-binary` calls them a form.',
  upstream_unavailable:
    'It is not here, and upstream gives no answer. What is here is served meanwhile. GET /api/v1/proxy/status says since when and why; ask again later.',
  database_unavailable:
    'The database does not answer. Ask again shortly; /readyz says when it does.',
  still_catching_up:
    'The server has started, or is being upgraded, and its read models lack some of what was recorded. Ask again shortly; /readyz says when they have all.',
  internal:
    'A fault of Almanac. The log has a line with the id of the request, which is in `instance` and in `X-Request-Id`: report it with that line.',
}

/** Where the `type` of a problem leads: a text for people. */
export const problemPages: ApiRoute = {
  surface: 'api',
  policy: 'open',
  method: 'get',
  path: '/problems/:code',
  operation: {
    id: 'explainProblem',
    summary:
      'What a problem is, and what can be done about it; the `type` of its answer leads here',
    params: z.object({ code: z.string().describe('As in the answer, such as archive_blocked.') }),
    answers: {
      200: { description: 'A text', schema: z.string(), contentType: 'text/plain' },
    },
    errors: ['route_not_found'],
  },
  async handle({ param }) {
    const code = codeNamed(param('code'))
    const { status, title } = problemNamed(code)
    const text = `${title}\n\nstatus ${status}, code ${code}\n\n${meanings[code]}\n\nThe \`detail\` of an answer says what is wrong with that one request.\n`
    const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'max-age=3600' }
    return { status: 200, headers, body: Buffer.from(text) }
  },
}

function codeNamed(text: string): ProblemCode {
  for (const code of problemCodes) if (code === text) return code
  throw new AppError('route_not_found', 'there is no problem of this code')
}

/** All there are. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it has these keys and no others
export const problemCodes = Object.keys(meanings) as readonly ProblemCode[]
