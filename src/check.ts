import { accessSync, constants, existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import path from 'node:path'
import type { Logger } from 'pino'
import { buildUpstream } from './build-upstream.ts'
import { rootDocument } from './composer/names.ts'
import { printableLines } from './composer/notices.ts'
import { problemOfRootFile } from './composer/root-file.ts'
import { type Config, parseConfig, settingNames } from './config.ts'
import { defaultDataDirectory } from './database/embedded.ts'
import { holderOf } from './database/embedded/data-directory-lock.ts'
import { errorCode } from './database/embedded/error-code.ts'
import { inspectDatabase, inspectEmbedded } from './database/inspect.ts'
import { proxiesIn, withAuthFile } from './environment.ts'
import { StartupError } from './errors.ts'
import { tryAddress } from './http/listen.ts'
import { tellAll } from './telemetry/observer.ts'
import type { Instant } from './time-machine/instant.ts'
import { createAddressGuard, noOthers } from './upstream/address-guard.ts'
import { wordsFor } from './upstream/causes.ts'
import { documentUrl, fetchMetadata } from './upstream/metadata.ts'
import { metadataTimeouts } from './upstream/timeouts.ts'

export interface CheckOptions {
  readonly env: NodeJS.ProcessEnv
  readonly logger: Logger
  readonly now: () => Instant
  /** Takes each line as soon as it is known. */
  readonly say: (text: string) => void
}

/** A warning is of what works and may not be meant. */
type Found = string | { readonly warning: string }

/** What it throws is wrong. */
type Look = () => Found | Promise<Found>

/**
 * Tries what a start needs, and says what it finds. Changes nothing.
 *
 * @returns whether all is well.
 */
export async function check({ env, logger, now, say }: CheckOptions): Promise<boolean> {
  let failed = 0
  async function tell(what: string, look: Look): Promise<void> {
    const { state, says } = await outcomeOf(look)
    if (state === 'FAIL') failed += 1
    say(
      `${state.padEnd(4)}  ${what.padEnd(8)}  ${printableLines(says).replaceAll('\n', `\n${' '.repeat(16)}`)}\n`,
    )
  }

  let config: Config | undefined
  await tell('settings', async () => {
    const { config: read, warnings } = parseConfig(await withAuthFile(env))
    proxiesIn(env)
    config = read
    const set = settingNames.filter((name) => (env[name] ?? '') !== '')
    const found = set.length === 0 ? 'none is set: all are the defaults' : `set: ${set.join(', ')}`
    return warnings.length === 0 ? found : { warning: [found, ...warnings].join('\n') }
  })
  if (config === undefined) return false

  const settings = config
  const dataDirectory = path.resolve(settings.dataDirectory ?? defaultDataDirectory(process.cwd()))
  await tell('port', async () => await lookAtPort(settings, dataDirectory))
  await tell('disk', async () => await lookAtDisk(settings, dataDirectory))
  await tell('database', async () => {
    const { databaseUrl } = settings
    return databaseUrl === undefined
      ? inspectEmbedded(dataDirectory)
      : await inspectDatabase(databaseUrl, logger)
  })
  await tell('upstream', async () => await lookAtUpstream(settings, { env, logger, now }))
  say(failed === 0 ? '\nA start would work.\n' : `\n${failed} of 5 failed.\n`)
  return failed === 0
}

async function outcomeOf(
  look: Look,
): Promise<{ readonly state: 'ok' | 'warn' | 'FAIL'; readonly says: string }> {
  try {
    const found = await look()
    return typeof found === 'string'
      ? { state: 'ok', says: found }
      : { state: 'warn', says: found.warning }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { state: 'FAIL', says: error.message }
  }
}

async function lookAtPort({ host, port }: Config, dataDirectory: string): Promise<Found> {
  try {
    await tryAddress({ host, port })
  } catch (error) {
    const holder = holderOf(dataDirectory)
    const isInUse = error instanceof Error && errorCode(error.cause) === 'EADDRINUSE'
    if (!isInUse || holder === undefined) throw error
    const warning = `${host}:${port} is in use, as it seems by the Almanac that runs here (process ${holder})`
    return { warning }
  }
  return `${host}:${port} is free`
}

/** Archives take a third more on the disk than they have bytes. */
const diskPerByte = 4 / 3
const gibibyte = 2 ** 30

async function lookAtDisk(config: Config, dataDirectory: string): Promise<Found> {
  let existing = dataDirectory
  while (!existsSync(existing)) existing = path.dirname(existing)
  try {
    accessSync(existing, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw notForFiles(existing, error)
  }
  const { bavail, blocks, bsize } = await statfs(existing)
  if (blocks === 0) throw notForFiles(existing)
  const freeBytes = bavail * bsize
  const free = `${inGibibytes(freeBytes)} are free for ${dataDirectory}`
  const isNew = existing !== dataDirectory
  const neededBytes = config.maxCacheSizeBytes * diskPerByte
  if (config.databaseUrl !== undefined || !isNew || freeBytes >= neededBytes) return free
  const needed = inGibibytes(neededBytes)
  const warning = `${free}, and archives may take ${needed}: a third more than PROXY_MAX_CACHE_SIZE`
  return { warning }
}

function notForFiles(directory: string, cause?: unknown): StartupError {
  return new StartupError(
    `${directory} can't be written to. Set DATA_DIR to a directory that this user may write to.`,
    { cause },
  )
}

function inGibibytes(bytes: number): string {
  return `${(bytes / gibibyte).toFixed(1)} GiB`
}

async function lookAtUpstream(
  config: Config,
  { env, logger, now }: Pick<CheckOptions, 'env' | 'logger' | 'now'>,
): Promise<string> {
  const { packagistUrl, upstreamTimeoutSeconds } = config
  if (!config.proxyEnabled) return 'not asked, since PROXY_ENABLED=false'
  const outside = { logger, now, random: () => 0, proxyFor: proxiesIn(env) }
  const { upstream } = await buildUpstream({ config, outside, observer: tellAll([]) })
  const client = upstream.client({
    guard: createAddressGuard(packagistUrl, noOthers),
    timeouts: metadataTimeouts(upstreamTimeoutSeconds * 1000),
  })
  const begunMs = performance.now()
  const answer = await fetchMetadata(client, documentUrl(packagistUrl, rootDocument), undefined)
  const tookMs = Math.round(performance.now() - begunMs)
  if (answer.outcome === 'body') {
    const problem = problemOfRootFile(answer.body)
    if (problem === undefined) return `${packagistUrl} answers, in ${tookMs} ms`
    throw new StartupError(
      `${packagistUrl}/${rootDocument} is no root file of a repository: ${problem}`,
    )
  }
  if (answer.outcome === 'missing') {
    throw new StartupError(`${packagistUrl}/${rootDocument} isn't there (status ${answer.status})`)
  }
  throw new StartupError('why' in answer ? wordsFor(answer.why) : `${packagistUrl} was not asked`)
}
