import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { StartupError } from './errors.ts'
import { type RunningJob, startJob } from './jobs/every.ts'
import type { Observer } from './telemetry/observer.ts'
import { type Instant, msOfInstant } from './time-machine/instant.ts'
import { alsoAt, createAddressGuard } from './upstream/address-guard.ts'
import { createUpstream, type Upstream } from './upstream/client.ts'
import { githubApi } from './upstream/credentials.ts'
import { sightOfToken } from './upstream/github.ts'
import type { ProxyFor } from './upstream/proxies.ts'
import { metadataTimeouts } from './upstream/timeouts.ts'

interface UpstreamParts {
  readonly config: Config
  readonly outside: {
    readonly now: () => Instant
    readonly random: () => number
    readonly logger: Logger
    readonly proxyFor?: ProxyFor
    readonly startJob?: typeof startJob
  }
  readonly observer: Pick<Observer, 'upstreamAsked'>
}

export interface BuiltUpstream {
  readonly upstream: Upstream
  /** Looks at the token of GitHub again and again; undefined: it needn't be looked at. */
  readonly startTokenJob: () => RunningJob | undefined
}

/**
 * The part of the composition root that is about asking upstream.
 *
 * @throws StartupError when a token of GitHub would give everybody what only its owner may see.
 */
export async function buildUpstream(parts: UpstreamParts): Promise<BuiltUpstream> {
  const { config, outside } = parts
  const { upstreamCredentials: credentials, publicRead } = config
  const token = publicRead ? credentials.find(({ host }) => host === githubApi) : undefined
  let isHarmless = token === undefined
  const upstream = createUpstream({
    upstreamUrl: config.packagistUrl,
    userAgent: config.userAgent,
    namedOrigins: config.distOrigins.named,
    credentials,
    mayBeSent: ({ host }) => host !== githubApi || isHarmless,
    proxyFor: outside.proxyFor,
    now: () => msOfInstant(outside.now()),
    random: outside.random,
    onCall(call) {
      outside.logger.info(call, 'upstream request')
      parts.observer.upstreamAsked(call)
    },
  })
  if (token === undefined) return { upstream, startTokenJob: () => undefined }

  const client = upstream.client({
    guard: createAddressGuard(config.packagistUrl, alsoAt(`https://${githubApi}`)),
    timeouts: metadataTimeouts(lookTimeoutMs),
    kind: 'relays',
  })
  /** What isn't known stays as it is. */
  const look = async (): Promise<'harmless' | 'harmful'> => {
    const sight = await sightOfToken(client, token)
    if (sight !== 'unknown') isHarmless = sight === 'public_only'
    if (sight === 'not_taken') outside.logger.error(notTaken)
    if (sight === 'unknown' && !isHarmless) outside.logger.warn(notLookedAt)
    return sight === 'may_be_private' ? 'harmful' : 'harmless'
  }
  if ((await look()) === 'harmful') throw new StartupError(tooMuch)

  return {
    upstream,
    startTokenJob: () =>
      (outside.startJob ?? startJob)({
        name: 'github token',
        async run() {
          if ((await look()) === 'harmful') outside.logger.error(`${tooMuch} It isn't sent.`)
        },
        intervalMs: lookIntervalMs,
        ...outside,
      }),
  }
}

/** A start waits for it. */
const lookTimeoutMs = 5_000
const lookIntervalMs = 600_000

const tooMuch =
  "GitHub's token (GITHUB_TOKEN, or github-oauth in PROXY_UPSTREAM_AUTH) may see private repositories, and everybody may " +
  'ask this server for archives: set PUBLIC_READ=false, or give a token that sees public repositories only.'
const notTaken = "GitHub doesn't take its token; it is asked without. Make a new one."
const notLookedAt =
  "GitHub's token isn't sent until GitHub has said whether it sees private repositories: GitHub gives no answer."
