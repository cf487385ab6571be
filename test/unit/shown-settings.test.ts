import * as assert from 'uvu/assert'
import { parseConfig, settingNames } from '../../src/config.ts'
import { describe } from '../support/suite.ts'

describe(
  'settings that are shown',
  async () => ({}),
  (test) => {
    test('are all there are, with their defaults', () => {
      const { shown } = parseConfig({ PORT: '81' }).config
      assert.equal(Object.keys(shown).toSorted(), settingNames.toSorted())
      assert.is(shown['PROXY_ENABLED'], true)
      assert.is(shown['PROXY_METADATA_TTL'], 3600)
      assert.is(shown['PUBLIC_URL'], 'http://127.0.0.1:81')
      assert.equal(shown['PRIVATE_VENDORS'], [])
      assert.is(shown['ADMIN_TOKEN'], null)
      assert.is(shown['DATABASE_URL'], null)
    })

    test('have nothing secret in them', () => {
      const { shown } = parseConfig({
        ADMIN_TOKEN: 's3cr3t-s3cr3t-s3cr3t',
        METRICS_TOKEN: 's3cr3t-s3cr3t-s3cr3t',
        GITHUB_TOKEN: 's3cr3t-s3cr3t-s3cr3t',
        PROXY_UPSTREAM_AUTH: '{"bearer": {"repo.example.com": "s3cr3t"}}',
        PUBLIC_READ: 'off',
        ALERT_WEBHOOK_URL: 'https://chat.example.com/s3cr3t?key=s3cr3t',
        ALERT_WEBHOOK_SECRET: 's3cr3t-s3cr3t-s3cr3t',
        DATABASE_URL: 'postgres://s3cr3t:s3cr3t@db:5432/almanac?password=s3cr3t',
      }).config
      assert.not.match(JSON.stringify(shown), 's3cr3t')
      const secrets = ['ADMIN_TOKEN', 'METRICS_TOKEN', 'GITHUB_TOKEN', 'PROXY_UPSTREAM_AUTH']
      for (const name of [...secrets, 'ALERT_WEBHOOK_SECRET']) assert.is(shown[name], 'set', name)
      assert.is(shown['ALERT_WEBHOOK_URL'], 'https://chat.example.com')
      assert.is(shown['DATABASE_URL'], 'postgres://db:5432/almanac')
      assert.is(shown['PUBLIC_READ'], false)
    })
  },
)
