import type { IncomingHttpHeaders } from 'node:http'
import { AppError } from '../errors.ts'
import type { BodyType } from './route.ts'

export interface Writing {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  /** What the route takes. */
  readonly takes: BodyType
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Refuses what a page of another site has a browser send: browsers remember the token that they were once asked
 * for, and show it whoever makes them ask. Whoever isn't a browser sends none of the headers that tell, and is
 * held to the type of body only if it names one.
 *
 * @param publicOrigin of PUBLIC_URL; undefined: it isn't set, see `isOwn`.
 * @throws AppError `cross_site`, `unsupported_media_type`
 */
export function refuseCrossSite(
  { method, headers, takes }: Writing,
  publicOrigin: string | undefined,
): void {
  if (safeMethods.has(method) || takes === 'anything') return
  const { origin, 'sec-fetch-site': site } = headers
  const isForeign = site !== undefined && !ownSites.has(site)
  if (isForeign || (origin !== undefined && !isOwn(origin, publicOrigin, headers))) {
    throw new AppError(
      'cross_site',
      'a page of another site has sent this, and none may write here: use a program, such as curl, or open ' +
        'this server by its PUBLIC_URL',
    )
  }
  const isByBrowser = origin !== undefined || site !== undefined
  checkType(headers['content-type'], takes, isByBrowser)
}

/** `none`: the person at the browser has asked for it. `same-site` is another host of the same domain. */
const ownSites: ReadonlySet<string> = new Set(['same-origin', 'none'])

/**
 * Whether an `Origin` is this server's. Without PUBLIC_URL it listens for this machine only, which calls it by
 * several names; then it is the one that the request itself was sent to. A foreign name that leads to this
 * machine (DNS rebinding) is let pass by that, but no browser has a token for such a name.
 */
function isOwn(
  origin: string,
  publicOrigin: string | undefined,
  { host = '' }: IncomingHttpHeaders,
): boolean {
  const own = publicOrigin ?? originOf(`http://${host}`)
  return own !== undefined && originOf(origin) === own
}

/** In the one form that each has: lower case, without the default port. undefined: it is none, like `null`. */
function originOf(text: string): string | undefined {
  const isOrigin = /^https?:\/\/[^\s/?#@\\,]+$/i.test(text) && URL.canParse(text)
  return isOrigin ? new URL(text).origin : undefined
}

/** A form, which any page may send, is of none of the types that are taken. */
function checkType(sent: string | undefined, takes: BodyType, isRequired: boolean): void {
  if (sent === undefined && !isRequired) return
  const [type = ''] = (sent ?? '').split(';')
  if (type.trim().toLowerCase() === takes) return
  throw new AppError('unsupported_media_type', sentenceFor[takes])
}

const sentenceFor: Readonly<Record<BodyType, string>> = {
  anything: '',
  'application/json': 'send the body as JSON, with the header `Content-Type: application/json`',
  'application/zip':
    'send the zip itself and no form, as `curl -T package.zip` does, with the header ' +
    '`Content-Type: application/zip` or none',
  'application/x-tar':
    'send the tar itself and no form, as `curl -X POST -T packages.tar` does, with the header ' +
    '`Content-Type: application/x-tar` or none',
}
