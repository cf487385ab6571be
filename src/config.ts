import { isIP, isIPv4 } from 'node:net'
import { z } from 'zod'
import { sealedTypes, type SealedType } from './archives/dist-types.ts'
import type { PackageName } from './composer/names.ts'
import { StartupError } from './errors.ts'
import {
  addressRangeList,
  flag,
  isHost,
  isPostgresUrl,
  oneOf,
  originList,
  packageList,
  someOf,
  token,
  vendorList,
  webhookUrl,
  webUrl,
  wholeNumber,
} from './setting-kinds.ts'
import { type ShownSettings, shownSettings } from './shown-settings.ts'
import { unknownSettings } from './unknown-settings.ts'
import type { DistOrigins } from './upstream/address-guard.ts'
import type { Credential } from './upstream/credentials.ts'
import {
  distOrigins,
  upstreamAccessMistakes,
  upstreamAuth,
  upstreamCredentials,
} from './upstream-settings.ts'

/** Every setting, read once at the start. Documented in README.md by its environment name. */
export type Config = {
  readonly proxyEnabled: boolean
  readonly metadataTtlSeconds: number
  readonly archiveTtlSeconds: number
  readonly maxCacheSizeBytes: number
  /** What small archives may take in memory; 0: none are kept there. */
  readonly archiveMemoryBytes: number
  /** The upstream repository, without a trailing slash. */
  readonly packagistUrl: string
  readonly userAgent: string
  readonly upstreamTimeoutSeconds: number
  readonly cleanupIntervalSeconds: number
  /** How long after its last check a stored archive is checked again; 0: none is. */
  readonly scrubIntervalSeconds: number
  /** Undefined: one is generated at the first start. */
  readonly adminToken: string | undefined
  /** Undefined: metrics are open to all. */
  readonly metricsToken: string | undefined
  readonly host: string
  readonly port: number
  /** How clients reach this server, without a trailing slash. */
  readonly publicUrl: string
  /** Of PUBLIC_URL; undefined: that isn't set, so all clients are on this machine. */
  readonly publicOrigin: string | undefined
  /** Undefined: the caller's choice. */
  readonly dataDirectory: string | undefined
  /** Undefined: the embedded PostgreSQL in the data directory. */
  readonly databaseUrl: string | undefined
  /** Undefined: the log is in PostgreSQL. */
  readonly eventStoreUrl: string | undefined
  /** 0: the change feed isn't read. */
  readonly feedIntervalSeconds: number
  readonly distMode: 'mirror' | 'rewrite'
  readonly distOrigins: DistOrigins
  /** What lets this server in at upstream, and where its archives are. */
  readonly upstreamCredentials: readonly Credential[]
  /** What is passed on without being looked through. */
  readonly uncheckedTypes: readonly SealedType[]
  /** Patterns of vendors whose packages are never asked of upstream: lower case, `*` for any characters. */
  readonly privateVendors: readonly string[]
  /** Each `<address>/<prefix>`: what they say in X-Forwarded-For of whom they pass on is believed. */
  readonly trustedProxies: readonly string[]
  /** Public packages that may stand in for ours, by `replace` or `provide`. */
  readonly privateReplacedBy: readonly PackageName[]
  /** Whether public packages are for everybody; if not, for whoever has a token to read. */
  readonly publicRead: boolean
  /** Whether upstream is told what was installed of its packages. */
  readonly notifyUpstream: boolean
  /** Where alerts are told; undefined: nowhere. */
  readonly alertWebhook: { readonly url: string; readonly secret: string } | undefined
  /** What a pin knows of its versions' security: what was known then, or what is known now. */
  readonly pinAdvisories: 'recorded' | 'live'
  /** undefined: for a person where stderr is a terminal, else for programs. */
  readonly logFormat: 'json' | 'pretty' | undefined
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  /** All of them by their names, without what is secret. */
  readonly shown: ShownSettings
}

const dayInSeconds = 86_400
const yearInSeconds = 365 * dayInSeconds

const schema = z.object({
  PROXY_ENABLED: flag().default(true),
  PROXY_METADATA_TTL: wholeNumber('seconds', 0, yearInSeconds).default(3600),
  PROXY_ARCHIVE_TTL: wholeNumber('seconds', 0, 10 * yearInSeconds).default(dayInSeconds),
  PROXY_MAX_CACHE_SIZE: wholeNumber('bytes', 1, 2 ** 50).default(10 * 2 ** 30),
  PROXY_PACKAGIST_URL: webUrl('https://repo.packagist.org').default('https://repo.packagist.org'),
  PROXY_USER_AGENT: z
    .string()
    .regex(/^[\x20-\x7e]{1,256}$/, 'must be at most 256 printable ASCII characters')
    .default('cargoman-proxy'),
  PROXY_UPSTREAM_TIMEOUT: wholeNumber('seconds', 1, 3600).default(60),
  // Timers can't wait longer than 24 days.
  PROXY_CLEANUP_INTERVAL: wholeNumber('seconds', 1, 7 * dayInSeconds).default(3600),
  PROXY_SCRUB_INTERVAL: wholeNumber('seconds', 0, yearInSeconds).default(7 * dayInSeconds),
  PROXY_FEED_INTERVAL: wholeNumber('seconds', 0, dayInSeconds).default(60),
  PROXY_DIST_MODE: oneOf(['mirror', 'rewrite']).default('mirror'),
  PROXY_DIST_HOSTS: originList().optional(),
  PROXY_UPSTREAM_AUTH: upstreamAuth().optional(),
  AUTH_FILE: z.string().optional(), // Read before: see environment.ts.
  GITHUB_TOKEN: token().optional(),
  PROXY_UNCHECKED_TYPES: someOf(sealedTypes).default([]),
  PROXY_PIN_ADVISORIES: oneOf(['recorded', 'live']).default('recorded'),
  PROXY_NOTIFY_UPSTREAM: flag().default(false),
  PRIVATE_VENDORS: vendorList().default([]),
  PRIVATE_REPLACED_BY: packageList().default([]),
  TRUSTED_PROXIES: addressRangeList().default([]),
  PUBLIC_READ: flag().default(true),
  ARCHIVE_MEMORY_BYTES: wholeNumber('bytes', 0, 2 ** 40).default(128 * 2 ** 20),
  ADMIN_TOKEN: token().optional(),
  METRICS_TOKEN: token().optional(),
  ALERT_WEBHOOK_URL: webhookUrl().optional(),
  ALERT_WEBHOOK_SECRET: token().optional(),
  HOST: z
    .string()
    .refine(isHost, 'must be an IP address or a host name, without a port')
    .default('127.0.0.1'),
  PORT: wholeNumber('', 1, 65_535).default(8080),
  PUBLIC_URL: webUrl('https://packages.example.com').optional(),
  DATA_DIR: z
    .string()
    .regex(/^[^\0]+$/, 'must be the path of a directory')
    .optional(),
  DATABASE_URL: z
    .string()
    .refine(isPostgresUrl, 'must be a URL such as postgres://user:password@host:5432/database')
    .optional(),
  EVENTSTORE_URL: z.string().optional(),
  LOG_FORMAT: oneOf(['json', 'pretty']).optional(),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
})

export const settingNames: readonly string[] = Object.keys(schema.shape)

export type SettingName = keyof Settings

/** What each setting is without being set; undefined: nothing. */
export const settingDefaults: ReadonlyMap<string, unknown> = new Map(
  Object.entries(schema.shape).map(([name, kind]) => [name, kind.safeParse(undefined).data]),
)

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the settings; an empty string counts as unset. The warnings name settings that don't exist,
 * which would otherwise look as if they did something.
 *
 * @throws StartupError that lists every mistake at once, with what is allowed but never with the
 * value: values may be secrets.
 */
export function parseConfig(env: Environment): {
  readonly config: Config
  readonly warnings: readonly string[]
} {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = schema.safeParse(set)
  const issues = parsed.error?.issues ?? []
  const mistakes = [
    ...issues.map(({ path, message }) => `${path.join('.')} ${message}.`),
    ...notBuiltYet(set),
    ...missingPublicUrl(set),
    ...missingWebhookSecret(set),
    ...upstreamAccessMistakes(set, parsed.data),
  ]
  if (!parsed.success || mistakes.length > 0) {
    throw new StartupError(`Correct these settings:\n  ${mistakes.join('\n  ')}`)
  }
  return {
    config: Object.freeze(configOf(parsed.data)),
    warnings: unknownSettings(Object.keys(set), settingNames),
  }
}

function configOf(settings: Settings): Config {
  const publicUrl = settings.PUBLIC_URL ?? localUrl(settings.HOST, settings.PORT)
  return {
    proxyEnabled: settings.PROXY_ENABLED,
    metadataTtlSeconds: settings.PROXY_METADATA_TTL,
    archiveTtlSeconds: settings.PROXY_ARCHIVE_TTL,
    maxCacheSizeBytes: settings.PROXY_MAX_CACHE_SIZE,
    archiveMemoryBytes: settings.ARCHIVE_MEMORY_BYTES,
    packagistUrl: settings.PROXY_PACKAGIST_URL,
    userAgent: settings.PROXY_USER_AGENT,
    upstreamTimeoutSeconds: settings.PROXY_UPSTREAM_TIMEOUT,
    cleanupIntervalSeconds: settings.PROXY_CLEANUP_INTERVAL,
    scrubIntervalSeconds: settings.PROXY_SCRUB_INTERVAL,
    adminToken: settings.ADMIN_TOKEN,
    metricsToken: settings.METRICS_TOKEN,
    host: settings.HOST,
    port: settings.PORT,
    publicUrl,
    publicOrigin: settings.PUBLIC_URL && new URL(settings.PUBLIC_URL).origin,
    dataDirectory: settings.DATA_DIR,
    databaseUrl: settings.DATABASE_URL,
    eventStoreUrl: settings.EVENTSTORE_URL,
    feedIntervalSeconds: settings.PROXY_FEED_INTERVAL,
    distMode: settings.PROXY_DIST_MODE,
    distOrigins: distOrigins(settings),
    upstreamCredentials: upstreamCredentials(settings),
    uncheckedTypes: settings.PROXY_UNCHECKED_TYPES,
    privateVendors: settings.PRIVATE_VENDORS,
    privateReplacedBy: settings.PRIVATE_REPLACED_BY,
    trustedProxies: settings.TRUSTED_PROXIES,
    publicRead: settings.PUBLIC_READ,
    notifyUpstream: settings.PROXY_NOTIFY_UPSTREAM,
    alertWebhook: alertWebhook(settings),
    pinAdvisories: settings.PROXY_PIN_ADVISORIES,
    logFormat: settings.LOG_FORMAT,
    logLevel: settings.LOG_LEVEL,
    shown: { ...shownSettings(settingNames, settings), PUBLIC_URL: publicUrl },
  }
}

type Settings = z.infer<typeof schema>

/** Refused rather than ignored, so that nobody relies on what isn't there. */
function notBuiltYet(set: Environment): string[] {
  const names = []
  if (set['EVENTSTORE_URL'] !== undefined) names.push('EVENTSTORE_URL')
  return names.map((name) => `${name} isn't available in this release; unset it.`)
}

/** Composer writes this server's URL into lock files: it can't be guessed from the listening address. */
function missingPublicUrl(set: Environment): string[] {
  const host = set['HOST']
  if (set['PUBLIC_URL'] !== undefined || host === undefined || isLoopback(host)) return []
  return ["PUBLIC_URL must be set when HOST isn't a loopback address: the URL that clients use."]
}

/** What isn't signed could be from anybody. */
function missingWebhookSecret(set: Environment): string[] {
  const { ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: secret } = set
  if (url === undefined || secret !== undefined) return []
  return ['ALERT_WEBHOOK_SECRET must be set with ALERT_WEBHOOK_URL: it signs what is sent there.']
}

function alertWebhook(settings: Settings): Config['alertWebhook'] {
  const { ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: secret } = settings
  return url === undefined || secret === undefined ? undefined : { url, secret }
}

function localUrl(host: string, port: number): string {
  return `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

function isLoopback(host: string): boolean {
  return (
    host.toLowerCase() === 'localhost' ||
    host === '::1' ||
    (isIPv4(host) && host.startsWith('127.'))
  )
}
