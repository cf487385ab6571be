import * as assert from 'uvu/assert'
import { parseConfig, settingNames } from '../../src/config.ts'
import { describe } from '../support/suite.ts'

const open = async () => ({
  warningsOf: (...names: readonly string[]): readonly string[] =>
    parseConfig(Object.fromEntries(names.map((name) => [name, 's3cr3t']))).warnings,
})

describe('settings that do not exist', open, (test) => {
  for (const [given, meant] of [
    ['PROXY_METADATA_TTLS', 'PROXY_METADATA_TTL'],
    ['PROXY_DIST_HOST', 'PROXY_DIST_HOSTS'],
    ['PROXY_DIST_HOTSS', 'PROXY_DIST_HOSTS'],
    ['PRIVATE_VENDOR', 'PRIVATE_VENDORS'],
    ['PRIVATE_VENDROS', 'PRIVATE_VENDORS'],
    ['PUBLIC_URI', 'PUBLIC_URL'],
    ['DATA_DIRR', 'DATA_DIR'],
    ['DATADIR', 'DATA_DIR'],
    ['DTAA_DIR', 'DATA_DIR'],
    ['METRIC_TOKEN', 'METRICS_TOKEN'],
    ['ADMIN_TOKENS', 'ADMIN_TOKEN'],
    ['DATABSE_URL', 'DATABASE_URL'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['Private_Vendors', 'PRIVATE_VENDORS'],
  ] as const) {
    test(`${given} is taken for ${meant}`, ({ warningsOf }) => {
      assert.equal(warningsOf(given), [
        `${given} isn't a setting of this release and has no effect; did you mean ${meant}?`,
      ])
    })
  }

  test('those with a prefix of ours are warned of where nothing is near', ({ warningsOf }) => {
    const names = ['PROXY_SOMETHING_ELSE', 'PRIVATE_KEY', 'PUBLIC_FOLDER']
    assert.equal(
      warningsOf(...names),
      names.map((name) => `${name} isn't a setting of this release and has no effect`),
    )
  })

  test('what others have in the environment is left alone', ({ warningsOf }) => {
    const names = ['HOME', 'HOSTS', 'PORTS', 'PATH', 'PGHOST', 'PGPORT', 'PGPASSWORD']
    const proxies = ['HTTP_PROXY', 'https_proxy', 'NO_PROXY', 'PUBLIC_PROXY']
    const tokens = ['GITLAB_TOKEN', 'NPM_TOKEN', 'PRIVATE_TOKEN', 'PROXY_TOKEN']
    const others = ['PUBLICATION', 'PROXY', 'PROXYCHAINS_CONF_FILE', 'NEXT_PUBLIC_URL', 'PRIVATE_']
    assert.equal(warningsOf(...names, ...proxies, ...tokens, ...others), [])
  })

  test('empty ones count as unset', () => {
    assert.equal(parseConfig({ PROXY_EMPTY: '', DATA_DIRR: '' }).warnings, [])
  })

  test('names that are longer than any setting cost no time', ({ warningsOf }) => {
    const names = Array.from({ length: 50 }, (_, index) => `PROXY_${'A'.repeat(100_000 + index)}`)
    const begunMs = performance.now()
    assert.equal(warningsOf(...names), [])
    assert.ok(performance.now() - begunMs < 1_000)
  })

  test('every setting is known by its own name', () => {
    for (const name of settingNames) assert.ok(name.length < 64, name)
  })
})
