import type { IncomingHttpHeaders } from 'node:http'

/** Printable, without spaces: what may be a token at all. */
const tokenForm = /^[\x21-\x7e]{1,512}$/

/**
 * The token that is shown: `Bearer <token>`, or `Basic` with the token as the password and any user name,
 * which is how Composer sends what auth.json has under `bearer` and `http-basic`. undefined: none.
 */
export function tokenIn({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  const [, scheme = '', credentials = ''] = /^(Bearer|Basic) +(\S+)$/i.exec(authorization) ?? []
  const token = scheme.toLowerCase() === 'basic' ? passwordIn(credentials) : credentials
  return token !== undefined && tokenForm.test(token) ? token : undefined
}

/** User names have no colons, passwords may. */
function passwordIn(credentials: string): string | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(credentials)) return undefined
  const text = Buffer.from(credentials, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon === -1 ? undefined : text.slice(colon + 1)
}
