import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { readPackagesThere } from '../../projections/name-list-queries.ts'
import type { NameList, NameListProblem } from '../composer/name-list.ts'
import type { PackageName } from '../composer/names.ts'
import type { Config } from '../config.ts'
import { type FetchedList, putNameList, readNewestList } from '../database/name-lists.ts'
import type { Db } from '../database/schema.ts'
import { type Digest, digestIfReadable } from '../digestion/digestion.ts'
import { feedStream } from '../events/types.ts'
import { endpointsIfKnown, type ReadEndpoints } from '../metadata/endpoints.ts'
import type { Reserved } from '../private/reserved.ts'
import { addSeconds, type Instant } from '../time-machine/instant.ts'
import { alsoAt, createAddressGuard } from '../upstream/address-guard.ts'
import type { Upstream } from '../upstream/client.ts'
import { fetchNameList } from '../upstream/name-list.ts'
import { jobTimeouts } from '../upstream/timeouts.ts'
import type { RunningJob, startJob } from './every.ts'
import { startSharedJob } from './shared-job.ts'

export interface NameListJobOptions {
  readonly config: Config
  readonly outside: {
    readonly now: () => Instant
    readonly random: () => number
    readonly logger: Logger
    readonly startJob?: typeof startJob
  }
  readonly upstream: Upstream
  readonly db: Db
  readonly digest: Digest
  readonly endpoints: ReadEndpoints
  readonly reservedNames: Reserved['reservedNames']
}

/** Looks whether it is time, which is one indexed read. */
const intervalSeconds = 300
/** What the feed names keeps a list as good as new, so this is for what the feed may have missed. */
const fetchEverySeconds = 86_400
/** Upstream wasn't there to give it. */
const retryAfterSeconds = 3_600

/**
 * Fetches upstream's list of all its names, once a day, on one node at a time. undefined: without a feed that
 * says what has come since, it would be of no use.
 */
export function startNameListJob(options: NameListJobOptions): RunningJob | undefined {
  const { config, db, outside } = options
  if (config.feedIntervalSeconds === 0 || !config.proxyEnabled) return undefined
  const job = { name: 'name list', intervalSeconds, run: async () => await fetchWhenDue(options) }
  return startSharedJob(job, { db, ...outside })
}

async function fetchWhenDue(options: NameListJobOptions): Promise<void> {
  const { config, db, outside, endpoints } = options
  const { list: url, metadataChanges } = await endpointsIfKnown(endpoints)
  if (url === undefined || metadataChanges === undefined) return
  const stream = feedStream(config.packagistUrl)
  const newest = await readNewestList(db, stream, false)
  if (newest !== undefined && newest.url === url && !isDue(newest, outside.now())) return
  await fetchList({ stream, url }, options)
}

function isDue({ fetchedAt, problem }: FetchedList, present: Instant): boolean {
  const seconds = problem === 'no_answer' ? retryAfterSeconds : fetchEverySeconds
  return present >= addSeconds(fetchedAt, seconds)
}

const nothing = { salt: '', hashes: new Uint32Array() } as const

async function fetchList(
  about: { readonly stream: string; readonly url: string },
  options: NameListJobOptions,
): Promise<void> {
  const { config, outside, upstream, db, reservedNames } = options
  const { packagistUrl, upstreamTimeoutSeconds } = config
  const { url } = about
  const guard = createAddressGuard(packagistUrl, alsoAt(url))
  const timeouts = jobTimeouts(upstreamTimeoutSeconds * 1000)
  const { patterns } = await reservedNames()
  const known = await readPackagesThere(db, patterns)
  // Before the question: what comes while it is answered may not be in the answer.
  const fetchedAt = outside.now()
  const fetched = await fetchNameList(upstream.client({ guard, timeouts }), url)
  const list = 'json' in fetched ? await digested(fetched.json, known, options) : fetched
  if ('problem' in list) {
    const { problem } = list
    outside.logger.warn({ url, problem }, "upstream's list of names is of no use")
    await putNameList(db, { ...about, fetchedAt, problem, digests: nothing, lacking: [] })
    return
  }
  const { lacking } = list
  outside.logger.info(
    { url, names: list.hashes.length, lacking },
    "upstream's list of names is read",
  )
  await putNameList(db, { ...about, fetchedAt, problem: null, digests: list, lacking })
}

/** In another thread, which takes a second for Packagist's. */
async function digested(
  json: Buffer,
  known: readonly PackageName[],
  { digest }: NameListJobOptions,
): Promise<NameList | { readonly problem: NameListProblem }> {
  const salt = randomUUID()
  const list = await digestIfReadable(digest)('names', json, { salt, known })
  return list ?? { problem: 'unreadable' }
}
