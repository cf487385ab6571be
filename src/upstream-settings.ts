import { z } from 'zod'
import type { DistOrigins } from './upstream/address-guard.ts'
import { type Credential, githubApi, githubToken, parseAuth } from './upstream/credentials.ts'

/** The settings of what may be asked beside upstream, and of how this server is let in; see config.ts. */
interface UpstreamSettings {
  readonly PROXY_PACKAGIST_URL: string
  readonly PROXY_DIST_HOSTS?: readonly string[] | undefined
  readonly PROXY_UPSTREAM_AUTH?: readonly Credential[] | undefined
  readonly GITHUB_TOKEN?: string | undefined
}

/** Where Packagist's packages have their archives. */
const packagistsDistOrigins = [
  'api.github.com',
  'codeload.github.com',
  'gitlab.com',
  'bitbucket.org',
].map((host) => `https://${host}`)

/** Upstream's own origin is always asked. */
export function distOrigins({ PROXY_DIST_HOSTS: named }: UpstreamSettings): DistOrigins {
  return named === undefined
    ? { allowed: packagistsDistOrigins, named: [] }
    : { allowed: named, named }
}

export function upstreamCredentials(settings: UpstreamSettings): readonly Credential[] {
  const { PROXY_UPSTREAM_AUTH: credentials = [], GITHUB_TOKEN: ofGithub } = settings
  return ofGithub === undefined ? credentials : [...credentials, githubToken(ofGithub)]
}

/** What upstream gives to this server alone would be for everybody. */
function unsaidPublicRead(set: Readonly<Record<string, string | undefined>>): string[] {
  const { PROXY_UPSTREAM_AUTH: auth, PUBLIC_READ: publicRead } = set
  if (auth === undefined || publicRead !== undefined) return []
  return [
    'PUBLIC_READ must be set with PROXY_UPSTREAM_AUTH or AUTH_FILE: with true, everybody gets what these credentials do.',
  ]
}

/** No request to http has credentials with it. */
function uselessAuth({
  PROXY_UPSTREAM_AUTH: credentials = [],
  PROXY_PACKAGIST_URL: url,
}: UpstreamSettings): string[] {
  const { protocol, host } = new URL(url)
  if (protocol === 'https:' || !credentials.some((credential) => credential.host === host))
    return []
  return [
    `PROXY_UPSTREAM_AUTH names ${host}, which PROXY_PACKAGIST_URL asks without https: it isn't sent that way.`,
  ]
}

function twoGithubTokens({
  PROXY_UPSTREAM_AUTH: credentials = [],
  GITHUB_TOKEN: ofGithub,
}: UpstreamSettings): string[] {
  if (ofGithub === undefined || !credentials.some(({ host }) => host === githubApi)) return []
  return ['GITHUB_TOKEN and PROXY_UPSTREAM_AUTH both have a token of github.com; leave one out.']
}

/** @param settings undefined: some of them can't be read. */
export function upstreamAccessMistakes(
  set: Readonly<Record<string, string | undefined>>,
  settings: UpstreamSettings | undefined,
): string[] {
  if (settings === undefined) return unsaidPublicRead(set)
  return [...unsaidPublicRead(set), ...uselessAuth(settings), ...twoGithubTokens(settings)]
}

/** Its own problem, without any value, since those are secrets. */
export function upstreamAuth(): z.ZodType<readonly Credential[], string> {
  return z
    .string()
    .max(64 * 1024)
    .transform((text, context) => {
      const parsed = parseAuth(text)
      if ('credentials' in parsed) return parsed.credentials
      context.addIssue(parsed.problem)
      return z.NEVER
    })
}
