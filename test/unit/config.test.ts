import * as assert from 'uvu/assert'
import { type Config, parseConfig } from '../../src/config.ts'
import { StartupError } from '../../src/errors.ts'
import { describe } from '../support/suite.ts'

type Environment = Readonly<Record<string, string | undefined>>

const distOrigins = [
  'https://git.example.com:8443',
  'https://[::1]:80',
  'https://api.github.com',
  'http://git.intern:8080',
  'https://a.test',
]

/** Without what is shown of it, which has its own tests. */
function configOf(env: Environment): Omit<Config, 'shown'> {
  const { shown: _shown, ...config } = parseConfig(env).config
  return config
}

function publicUrlOf(host: string, port: string): string {
  return configOf({ HOST: host, PORT: port }).publicUrl
}

/** What the operator is told; fails when the settings are accepted. */
function refusalOf(env: Environment): string {
  try {
    parseConfig(env)
  } catch (error) {
    assert.instance(error, StartupError)
    return (error as StartupError).message
  }
  throw new Error(`accepted: ${JSON.stringify(env)}`)
}

describe(
  'config',
  async () => ({}),
  (test) => {
    test('of an empty environment is the documented one', () => {
      const { config, warnings } = parseConfig({})
      const { shown: _shown, ...read } = config
      assert.equal(read, {
        proxyEnabled: true,
        metadataTtlSeconds: 3600,
        archiveTtlSeconds: 86_400,
        maxCacheSizeBytes: 10_737_418_240,
        archiveMemoryBytes: 134_217_728,
        packagistUrl: 'https://repo.packagist.org',
        userAgent: 'cargoman-proxy',
        upstreamTimeoutSeconds: 60,
        cleanupIntervalSeconds: 3600,
        scrubIntervalSeconds: 604_800,
        adminToken: undefined,
        metricsToken: undefined,
        host: '127.0.0.1',
        port: 8080,
        publicUrl: 'http://127.0.0.1:8080',
        publicOrigin: undefined,
        dataDirectory: undefined,
        databaseUrl: undefined,
        eventStoreUrl: undefined,
        feedIntervalSeconds: 60,
        distMode: 'mirror',
        distOrigins: {
          allowed: [
            'https://api.github.com',
            'https://codeload.github.com',
            'https://gitlab.com',
            'https://bitbucket.org',
          ],
          named: [],
        },
        upstreamCredentials: [],
        uncheckedTypes: [],
        privateVendors: [],
        privateReplacedBy: [],
        publicRead: true,
        trustedProxies: [],
        notifyUpstream: false,
        pinAdvisories: 'recorded',
        alertWebhook: undefined,
        logFormat: undefined,
        logLevel: 'info',
      })
      assert.equal(warnings, [])
      assert.ok(Object.isFrozen(config))
    })

    test('takes empty strings as unset', () => {
      const empty = { PORT: '', PUBLIC_URL: '', PROXY_ENABLED: '', PROXY_DIST_HOSTS: '', HOST: '' }
      assert.equal(parseConfig(empty), parseConfig({}))
      assert.equal(parseConfig({ PORT: undefined }), parseConfig({}))
    })

    test('has every setting from its variable', () => {
      const config = configOf({
        PROXY_ENABLED: 'no',
        PROXY_METADATA_TTL: '0',
        PROXY_ARCHIVE_TTL: '7',
        PROXY_MAX_CACHE_SIZE: '1000000',
        ARCHIVE_MEMORY_BYTES: '0',
        PROXY_PACKAGIST_URL: 'http://127.0.0.1:8901/repo/',
        PROXY_USER_AGENT: 'acme (mailto:ops@example.com)',
        PROXY_UPSTREAM_TIMEOUT: '5',
        PROXY_CLEANUP_INTERVAL: '10',
        PROXY_SCRUB_INTERVAL: '0',
        ADMIN_TOKEN: 'sixteen-letters!',
        METRICS_TOKEN: 'another-sixteen!',
        HOST: '0.0.0.0',
        PORT: '443',
        PUBLIC_URL: 'https://Packages.Example.com/composer//',
        DATA_DIR: '/var/lib/almanac',
        DATABASE_URL: 'postgresql://user:pass@db:5432/almanac?sslmode=require',
        PROXY_FEED_INTERVAL: '0',
        PROXY_DIST_MODE: 'mirror',
        PROXY_DIST_HOSTS:
          'Git.Example.com:8443, [::1]:80,api.github.com,http://git.intern:8080,HTTPS://a.test:443',
        PROXY_UPSTREAM_AUTH: '{"gitlab-token":{"Git.Example.com:8443":"abc"}}',
        GITHUB_TOKEN: 'ghp_0123456789abcdef',
        PROXY_UNCHECKED_TYPES: 'xz, rar',
        PROXY_PIN_ADVISORIES: 'recorded',
        PRIVATE_VENDORS: 'Acme, acme-*,*.internal',
        PRIVATE_REPLACED_BY: 'Symfony/symfony, beta/text',
        PUBLIC_READ: 'no',
        TRUSTED_PROXIES: '10.0.0.5, 172.16.0.0/12,FD00::/8,::1',
        PROXY_NOTIFY_UPSTREAM: 'yes',
        ALERT_WEBHOOK_URL: 'http://10.0.0.1:9000/Hook?key=abc&x=%20',
        ALERT_WEBHOOK_SECRET: 'a-third-sixteen!',
        LOG_FORMAT: 'json',
        LOG_LEVEL: 'debug',
      })
      assert.equal(config, {
        proxyEnabled: false,
        metadataTtlSeconds: 0,
        archiveTtlSeconds: 7,
        maxCacheSizeBytes: 1_000_000,
        archiveMemoryBytes: 0,
        packagistUrl: 'http://127.0.0.1:8901/repo',
        userAgent: 'acme (mailto:ops@example.com)',
        upstreamTimeoutSeconds: 5,
        cleanupIntervalSeconds: 10,
        scrubIntervalSeconds: 0,
        adminToken: 'sixteen-letters!',
        metricsToken: 'another-sixteen!',
        host: '0.0.0.0',
        port: 443,
        publicUrl: 'https://packages.example.com/composer',
        publicOrigin: 'https://packages.example.com',
        dataDirectory: '/var/lib/almanac',
        databaseUrl: 'postgresql://user:pass@db:5432/almanac?sslmode=require',
        eventStoreUrl: undefined,
        feedIntervalSeconds: 0,
        distMode: 'mirror',
        distOrigins: { allowed: distOrigins, named: distOrigins },
        upstreamCredentials: [
          { host: 'git.example.com:8443', header: 'private-token', value: 'abc' },
          {
            host: 'api.github.com',
            header: 'authorization',
            value: 'Bearer ghp_0123456789abcdef',
          },
        ],
        uncheckedTypes: ['xz', 'rar'],
        privateVendors: ['acme', 'acme-*', '*.internal'],
        privateReplacedBy: ['symfony/symfony', 'beta/text'],
        publicRead: false,
        trustedProxies: ['10.0.0.5/32', '172.16.0.0/12', 'fd00::/8', '::1/128'],
        notifyUpstream: true,
        pinAdvisories: 'recorded',
        alertWebhook: {
          url: 'http://10.0.0.1:9000/Hook?key=abc&x=%20',
          secret: 'a-third-sixteen!',
        },
        logFormat: 'json',
        logLevel: 'debug',
      })
    })

    test('needs the public URL where clients cannot be on this machine', () => {
      for (const host of ['0.0.0.0', '::', '192.0.2.1', 'packages.internal', '128.0.0.1']) {
        assert.match(refusalOf({ HOST: host }), 'PUBLIC_URL must be set', host)
        assert.match(refusalOf({ HOST: host, PORT: '80' }), 'PUBLIC_URL must be set', host)
      }
      assert.is(publicUrlOf('::1', '8080'), 'http://[::1]:8080')
      assert.is(publicUrlOf('127.8.9.10', '8080'), 'http://127.8.9.10:8080')
      assert.is(publicUrlOf('localhost', '81'), 'http://localhost:81')
    })
  },
)
