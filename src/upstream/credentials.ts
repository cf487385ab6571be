import { z } from 'zod'

/** What is sent to one host to be let in, over https and nothing else. */
export interface Credential {
  /** As in a URL: lower case, with the port unless it is 443. */
  readonly host: string
  readonly header: 'authorization' | 'private-token'
  readonly value: string
}

type Header = Omit<Credential, 'host'>

/** Where GitHub's own API is. */
export const githubApi = 'api.github.com'

/** A header can't have more in it, and no service gives longer ones. */
const secretLengthMax = 4_096
const Secret = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'must be ASCII characters without spaces')
  .max(secretLengthMax)
const Host = z
  .string()
  .max(300)
  .regex(
    /^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i,
    'must be a host, or host:port, without a scheme',
  )
  .transform((host) => host.toLowerCase().replace(/:443$/, ''))
/** HTTP's Basic has no place for a colon in the first, nor for control characters. */
const Login = z.object({
  username: z
    .string()
    .max(secretLengthMax)
    .regex(/^[^:\p{Cc}]+$/u),
  password: z
    .string()
    .max(secretLengthMax)
    .regex(/^[^\p{Cc}]*$/u),
})
const DeployToken = z
  .object({ username: Login.shape.username, token: Login.shape.password })
  .transform(({ username, token }) => ({ username, password: token }))
/** PHP writes an empty map as a list. */
const none = z.array(z.never()).max(0)
const ofHosts = <Value extends z.ZodType<Header>>(value: Value) =>
  z.record(Host, value).or(none).default({}).transform(credentials)

/** Sections of Composer's auth.json. Of those that aren't known here, none may have anything in it. */
const AuthFile = z
  .object({
    'http-basic': ofHosts(Login.transform(basic)),
    bearer: ofHosts(Secret.transform(bearer)),
    'github-oauth': ofHosts(Secret.transform(bearer)),
    'gitlab-token': ofHosts(Secret.transform(privateToken).or(DeployToken.transform(basic))),
  })
  .catchall(z.record(z.string(), z.never()).or(none))
  .transform((sections): readonly Credential[] => [
    ...sections['http-basic'],
    ...sections.bearer,
    ...sections['github-oauth'].map(atGithub),
    ...sections['gitlab-token'],
  ])

function credentials(byHost: Readonly<Record<string, Header>> | never[]): readonly Credential[] {
  return Object.entries(byHost).map(([host, header]) => ({ host, ...header }))
}

function basic({ username, password }: z.infer<typeof Login>): Header {
  const login = Buffer.from(`${username}:${password}`).toString('base64')
  return { header: 'authorization', value: `Basic ${login}` }
}

function bearer(secret: string): Header {
  return { header: 'authorization', value: `Bearer ${secret}` }
}

function privateToken(secret: string): Header {
  return { header: 'private-token', value: secret }
}

/** What Composer calls `github.com` there is asked of GitHub's API, and of no other host. */
function atGithub(credential: Credential): Credential {
  return credential.host === 'github.com' ? { ...credential, host: githubApi } : credential
}

/** @param token of GITHUB_TOKEN. */
export function githubToken(token: string): Credential {
  return { host: githubApi, ...bearer(token) }
}

/**
 * Reads what has the form of Composer's auth.json. The problem is without any of its values: they are secrets.
 */
export function parseAuth(
  text: string,
): { readonly credentials: readonly Credential[] } | { readonly problem: string } {
  const parsed = AuthFile.safeParse(jsonIn(text))
  if (parsed.success) {
    const twice = hostTwice(parsed.data)
    return twice === undefined
      ? { credentials: parsed.data }
      : { problem: `names two credentials of ${twice}` }
  }
  const [issue] = parsed.error.issues
  const [section = ''] = issue?.path ?? []
  const keys = 'http-basic, bearer, github-oauth and gitlab-token'
  return {
    problem: `must be JSON like Composer's auth.json with ${keys}${section === '' ? '' : `; see ${String(section)}`}`,
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function hostTwice(all: readonly Credential[]): string | undefined {
  return all.find(({ host }, index) => all.findIndex((other) => other.host === host) < index)?.host
}

/** The headers that let a request in at a URL, if there are any for it. */
export type HeadersFor = (url: URL) => Readonly<Record<string, string>>

/** @param mayBeSent is asked each time. */
export function createHeadersFor(
  all: readonly Credential[],
  mayBeSent: (credential: Credential) => boolean = () => true,
): HeadersFor {
  const byHost = new Map(all.map((credential) => [credential.host, credential]))
  return ({ protocol, host }) => {
    const found = protocol === 'https:' ? byHost.get(host) : undefined
    return found === undefined || !mayBeSent(found) ? {} : { [found.header]: found.value }
  }
}
