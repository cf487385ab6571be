import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { type Config, parseConfig, settingNames } from '../../src/config.ts'
import { StartupError } from '../../src/errors.ts'
import { describe } from '../support/suite.ts'

fc.configureGlobal({ seed: 20_240_501 })

type Environment = Readonly<Record<string, string | undefined>>

const configOf = (env: Environment): Config => parseConfig(env).config

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

function isRefused(name: string, values: readonly string[]): void {
  for (const value of values) {
    assert.match(refusalOf({ [name]: value }), name, `${name}=${JSON.stringify(value)}`)
  }
}

describe(
  'config refusals',
  async () => ({}),
  (test) => {
    test('lists every mistake at once, and never a value', () => {
      const message = refusalOf({
        PORT: 'secret-1',
        HOST: 'secret 2',
        DATABASE_URL: 'mysql://secret-3@host/db',
        ADMIN_TOKEN: 'secret-4',
        EVENTSTORE_URL: 'esdb://secret-5',
        LOG_LEVEL: 'secret-6',
      })
      for (const name of [
        'PORT must be a whole number from 1 to 65535.',
        'HOST must be',
        'DATABASE_URL must be a URL',
        'ADMIN_TOKEN must be 16 to 512',
        "EVENTSTORE_URL isn't available in this release; unset it.",
        'LOG_LEVEL must be one of fatal, error, warn',
        'PUBLIC_URL must be set',
      ]) {
        assert.match(message, name)
      }
      assert.not.match(message, 'secret')
    })

    test('shows no value, whatever is wrong with it', () => {
      const marked = fc.string().map((text) => `${text}s3cr3t${text}`)
      fc.assert(
        fc.property(fc.dictionary(fc.constantFrom(...settingNames), marked), (env) => {
          try {
            parseConfig(env)
          } catch (error) {
            assert.instance(error, StartupError)
            assert.not.match((error as StartupError).message, 's3cr3t')
          }
        }),
        { numRuns: 500 },
      )
    })

    test('reads the usual words for yes and no, in any case, and no others', () => {
      for (const word of ['true', '1', 'yes', 'on', 'TRUE', 'On']) {
        assert.is(configOf({ PROXY_ENABLED: word }).proxyEnabled, true, word)
      }
      for (const word of ['false', '0', 'no', 'off', 'False', 'OFF']) {
        assert.is(configOf({ PROXY_ENABLED: word }).proxyEnabled, false, word)
      }
      isRefused('PROXY_ENABLED', ['2', 'y', 'enabled', ' true', 'true\n'])
    })

    test('takes only whole numbers in digits, within bounds', () => {
      const odd = [
        '-1',
        '1.5',
        '1e3',
        '0x10',
        ' 1',
        '1 ',
        '60s',
        '1_000',
        '9'.repeat(20),
        'Infinity',
      ]
      for (const name of [
        'PROXY_METADATA_TTL',
        'PROXY_ARCHIVE_TTL',
        'PROXY_MAX_CACHE_SIZE',
        'PROXY_UPSTREAM_TIMEOUT',
        'PROXY_CLEANUP_INTERVAL',
        'PROXY_SCRUB_INTERVAL',
        'PROXY_FEED_INTERVAL',
        'PORT',
      ]) {
        isRefused(name, odd)
      }
      isRefused('PORT', ['65536', '0'])
      isRefused('PROXY_UPSTREAM_TIMEOUT', ['0', '3601'])
      isRefused('PROXY_CLEANUP_INTERVAL', ['0', '604801'])
      isRefused('PROXY_MAX_CACHE_SIZE', ['0'])
    })

    test('takes a webhook only with what signs its messages', () => {
      const url = 'https://chat.example.com/hook?key=s3cr3t'
      const missing = 'ALERT_WEBHOOK_SECRET must be set with ALERT_WEBHOOK_URL'
      assert.match(refusalOf({ ALERT_WEBHOOK_URL: url }), missing)
      for (const secret of ['fifteen-letters', 'with a space in it', 'x'.repeat(513)]) {
        const env = { ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: secret }
        assert.match(refusalOf(env), 'ALERT_WEBHOOK_SECRET must be 16 to 512')
      }
      isRefused('ALERT_WEBHOOK_URL', [
        'chat.example.com/hook',
        'ftp://chat.example.com',
        'https://user:pass@chat.example.com/hook',
        'https://chat.example.com/hook#x',
        'https://chat.example.com/hook?a b',
        'https://chat.example.com/ho\\ok?a',
      ])
      assert.is(configOf({ ALERT_WEBHOOK_SECRET: 'sixteen-letters!' }).alertWebhook, undefined)
    })

    test('takes only URLs that mean what they say', () => {
      const odd = [
        'repo.packagist.org',
        'ftp://host',
        'file:///etc',
        'https:host',
        'https:\\\\host',
        'https://',
        'https://user@host',
        'https://user:pass@host',
        'https://host/?x=1',
        'https://host/?',
        'https://host/#x',
        'https://host /',
        'https://ho\nst',
        ' https://host',
        'https://host:99999',
      ]
      isRefused('PROXY_PACKAGIST_URL', odd)
      isRefused('PUBLIC_URL', odd)
      isRefused('DATABASE_URL', [
        'localhost',
        'mysql://host/db',
        'postgres:',
        'postgres://ho st/db',
      ])
    })

    test('refuses what could break out of a header, a path or a list', () => {
      isRefused('PROXY_USER_AGENT', ['a\r\nX: y', 'a\0', 'caf\u00e9', 'a'.repeat(257)])
      isRefused('ADMIN_TOKEN', ['short', 'with a space in it', 'sixteen-letters\n', 'ä'.repeat(16)])
      isRefused('DATA_DIR', ['a\0b'])
      isRefused('HOST', ['http://host', 'host:80', '[::1]', 'ho st', 'a..b', '.'])
      const oddHosts = [
        'ftp://host',
        'host/path',
        'host:99999',
        '*.host',
        'a,,b',
        ',',
        'a@b',
        'a b',
      ]
      isRefused('PROXY_DIST_HOSTS', oddHosts)
      isRefused('PROXY_UNCHECKED_TYPES', ['zip', 'xz,', 'XZ', 'xz rar', 'all'])
      isRefused('TRUSTED_PROXIES', [
        'proxy.internal',
        '10.0.0.0/33',
        '10.0.0.0/-1',
        '10.0.0/8',
        '10.0.0.1:80',
        'fd00::/129',
        '[::1]',
        'fe80::1%eth0',
        '10.0.0.1,,10.0.0.2',
        ',',
        '*',
      ])
      isRefused('LOG_FORMAT', ['JSON', 'text'])
      isRefused('LOG_LEVEL', ['INFO', 'verbose'])
    })

    test('trusts no range that has every address in it', () => {
      isRefused('TRUSTED_PROXIES', ['0.0.0.0/0', '::/0', '10.0.0.1,0.0.0.0/0'])
    })

    test('takes names of packages, and no patterns of them', () => {
      isRefused('PRIVATE_REPLACED_BY', ['beta', 'beta/*', 'beta/text,', ',', '*', 'beta/te xt'])
    })

    test('takes vendors and patterns of them, but none that would be all of Packagist', () => {
      for (const list of ['acme', 'acme,acme-*', '*-internal', 'a.b_c-1', 'ac*e , x']) {
        const { privateVendors } = configOf({ PRIVATE_VENDORS: list })
        assert.is(privateVendors.length, list.split(',').length, list)
      }
      isRefused('PRIVATE_VENDORS', [
        '*',
        '**',
        '*-*',
        'acme,*',
        'Acme Inc',
        'acme/log',
        'acme/*',
        'acme;beta',
        'acme,,beta',
        ',',
        '-acme',
        'acme-',
        'acme?',
        '[a-z]',
        'ac\nme',
        'a'.repeat(101),
        'a,'.repeat(2001) + 'a',
      ])
      isRefused('PUBLIC_READ', ['2', 'public', ' false'])
    })

    test('refuses by name what this release does not have', () => {
      const message = refusalOf({ EVENTSTORE_URL: 'esdb://host:2113' })
      assert.match(message, "EVENTSTORE_URL isn't available in this release; unset it.")
      isRefused('PROXY_DIST_MODE', ['redirect'])
      isRefused('PROXY_PIN_ADVISORIES', ['today'])
    })
  },
)
