import { settingDefaults, type SettingName } from './config.ts'

/** In one line each; docs/OPERATIONS.md says more. */
const meanings: Readonly<Record<Exclude<SettingName, 'EVENTSTORE_URL'>, string>> = {
  HOST: 'address to listen on',
  PORT: 'port to listen on',
  PUBLIC_URL: 'how clients reach it, which lock files will name; without it http://HOST:PORT',
  DATA_DIR: 'directory of the embedded PostgreSQL and of downloads under way; without it ./data',
  DATABASE_URL: 'postgres://…: this server and not the embedded one',
  ADMIN_TOKEN: 'without it the first start makes one and shows it once',
  METRICS_TOKEN:
    'what /metrics takes; without it they are open while there are no private packages',
  TRUSTED_PROXIES:
    'addresses and ranges of the proxies in front, whose X-Forwarded-For is believed',
  PUBLIC_READ: 'false: public packages need a token too',
  PRIVATE_VENDORS: 'vendors that upstream is never asked about, like acme,acme-*',
  PRIVATE_REPLACED_BY: 'public packages that may replace or provide private ones',
  PROXY_ENABLED: 'false: no public packages',
  PROXY_PACKAGIST_URL: 'upstream',
  PROXY_METADATA_TTL: 'seconds that metadata counts as fresh',
  PROXY_ARCHIVE_TTL: 'seconds after which upstream is asked whether an archive is still the same',
  PROXY_FEED_INTERVAL: "seconds between looks at upstream's change feed; 0: none",
  PROXY_UPSTREAM_TIMEOUT: 'seconds for one request of metadata, and for each wait of a download',
  PROXY_USER_AGENT: 'sent upstream; Packagist asks for a way to reach you in it',
  PROXY_DIST_MODE: 'mirror, or rewrite: metadata names no archives but ours',
  PROXY_DIST_HOSTS: 'hosts of archives beside upstream; without it GitHub, GitLab and Bitbucket',
  PROXY_UPSTREAM_AUTH: "credentials of upstream and of those hosts, JSON like Composer's auth.json",
  AUTH_FILE: 'a file with that JSON',
  GITHUB_TOKEN: 'a token without access to private repositories, for more requests an hour',
  PROXY_UNCHECKED_TYPES: 'of bzip2, phar, rar, xz: archives that are passed on without a look',
  PROXY_PIN_ADVISORIES: 'recorded, or live: documents at a pin have the advisories of today',
  PROXY_NOTIFY_UPSTREAM: 'true: upstream is told what is installed of public packages',
  PROXY_MAX_CACHE_SIZE: 'bytes of archives that are kept',
  PROXY_CLEANUP_INTERVAL: 'seconds between looks at the size of the cache',
  PROXY_SCRUB_INTERVAL: 'seconds after which a stored archive is checked again; 0: never',
  ARCHIVE_MEMORY_BYTES: 'memory for small archives; 0: none',
  ALERT_WEBHOOK_URL: 'where alerts are sent',
  ALERT_WEBHOOK_SECRET: 'what signs them; needed with ALERT_WEBHOOK_URL',
  LOG_LEVEL: 'fatal, error, warn, info, debug, trace or silent',
  LOG_FORMAT: 'pretty or json; without it pretty on a terminal',
}

/** What `npm start -- --help` prints: every setting with its default. */
export function helpText(): string {
  const widest = Math.max(...Object.keys(meanings).map((name) => name.length))
  const settings = Object.entries(meanings).map(([name, meaning]) => {
    const shown = shownDefault(settingDefaults.get(name))
    return `  ${name.padEnd(widest)}  ${meaning}${shown === '' ? '' : ` [${shown}]`}`
  })
  return `usage: npm start -- [--help | --version | --check]

Starts Almanac. --check tries what a start needs, changes nothing, and exits with 1 if something is wrong.

Settings are environment variables, with their defaults in brackets:

${settings.join('\n')}

HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS and NO_COLOR are heeded too.
docs/OPERATIONS.md says more of each.
`
}

function shownDefault(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}
