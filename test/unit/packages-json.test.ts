import * as assert from 'uvu/assert'
import type { JsonObject } from '../../src/composer/minify.ts'
import { buildRoot, upstreamEndpoints } from '../../src/composer/packages-json.ts'
import { parseRootFile } from '../../src/composer/root-file.ts'
import { describe } from '../support/suite.ts'

/** Shaped like Packagist's root file of 2026. */
const upstreamRoot: JsonObject = {
  packages: {},
  'notify-batch': 'https://packages.test/downloads/',
  'providers-url': '/p/%package%$%hash%.json',
  'metadata-url': 'https://repo.packages.test/p2/%package%.json',
  'metadata-changes-url': 'https://packages.test/metadata/changes.json',
  search: 'https://packages.test/search.json?q=%query%&type=%type%',
  list: 'https://packages.test/packages/list.json',
  'security-advisories': { metadata: true, 'api-url': 'https://packages.test/api/advisories/' },
  'providers-api': 'https://packages.test/providers/%package%.json',
  warning: 'Composer 1 has been shut down',
  'warning-versions': '<1.999',
  filter: {
    metadata: true,
    lists: { malware: { enabled: true } },
    'summary-url': 'https://repo.packages.test/lists/all/summary.json',
    'api-url': 'https://packages.test/api/filter/',
  },
}

const publicUrl = 'https://proxy.test/composer'
const ours = { publicUrl, distMode: 'mirror', reserved: [] } as const
const pin = { path: '/at/20240501T120000Z', message: 'As of 1 May 2024.' }

describe(
  'the root file',
  async () => ({}),
  (test) => {
    test('of the present sends everything here', () => {
      assert.equal(buildRoot({ upstreamRoot, ...ours, pin: undefined }), {
        packages: {},
        'metadata-url': 'https://proxy.test/composer/p2/%package%.json',
        search: 'https://proxy.test/composer/search.json?q=%query%&type=%type%',
        list: 'https://proxy.test/composer/packages/list.json',
        'providers-api': 'https://proxy.test/composer/providers/%package%.json',
        mirrors: [
          {
            'dist-url':
              'https://proxy.test/composer/dist-proxy/%package%/%version%/%reference%.%type%',
            preferred: true,
          },
        ],
        'notify-batch': 'https://proxy.test/composer/downloads/',
        'security-advisories': {
          metadata: true,
          'api-url': 'https://proxy.test/composer/api/security-advisories/',
        },
        filter: {
          metadata: true,
          lists: { malware: { enabled: true } },
          'summary-url': 'https://proxy.test/composer/lists/all/summary.json',
        },
        warning: 'Composer 1 has been shut down',
        'warning-versions': '<1.999',
      })
    })

    test('of the past has the pin in what is dated, and not in what gets into lock files', () => {
      const now = buildRoot({ upstreamRoot, ...ours, pin: undefined })
      const then = buildRoot({ upstreamRoot, ...ours, pin })
      const dated = ['metadata-url', 'search', 'list', 'providers-api']
      for (const key of dated) {
        assert.is(then[key], String(now[key]).replace(publicUrl, `${publicUrl}${pin.path}`), key)
      }
      const live = ['mirrors', 'notify-batch', 'security-advisories', 'filter', 'packages']
      for (const key of live) assert.equal(then[key], now[key], key)
    })

    test('of the past says so to Composers that can show it, after what upstream says', () => {
      const said = { versions: '>=2.9', message: 'from upstream' }
      const root = buildRoot({ upstreamRoot: { ...upstreamRoot, infos: [said] }, ...ours, pin })
      assert.equal(root['infos'], [said, { versions: '>=2.2', message: 'As of 1 May 2024.' }])
    })

    test('offers what we answer ourselves, and else only what upstream has', () => {
      assert.equal(Object.keys(buildRoot({ upstreamRoot: {}, ...ours, pin: undefined })), [
        'packages',
        'metadata-url',
        'search',
        'list',
        'providers-api',
        'mirrors',
        'notify-batch',
      ])
      const broken = { search: 7, list: null, 'security-advisories': true, filter: [], infos: 'x' }
      assert.equal(
        buildRoot({ upstreamRoot: broken, ...ours, pin: undefined }),
        buildRoot({ upstreamRoot: {}, ...ours, pin: undefined }),
      )
    })

    test('names our vendors where upstream says what is there, and nowhere else', () => {
      const own = { ...ours, reserved: ['acme', 'umbrella-*', 'opened/ours'], pin: undefined }
      const patterns = 'available-package-patterns'
      assert.is(buildRoot({ upstreamRoot: {}, ...own })[patterns], undefined)
      const named = { 'available-packages': ['a/b'] }
      assert.equal(buildRoot({ upstreamRoot: named, ...own })[patterns], [
        'acme/*',
        'umbrella-*/*',
        'opened/ours',
      ])
      const patterned = { [patterns]: ['b/*'] }
      assert.equal(buildRoot({ upstreamRoot: patterned, ...own })[patterns], [
        'b/*',
        'acme/*',
        'umbrella-*/*',
        'opened/ours',
      ])
    })

    test('is no mirror of other archives when documents name none', () => {
      const root = buildRoot({ upstreamRoot, ...ours, distMode: 'rewrite', pin: undefined })
      const { mirrors: _, ...others } = buildRoot({ upstreamRoot, ...ours, pin: undefined })
      assert.equal(root, others)
    })

    test('names no summary of a filter when upstream has none', () => {
      const { filter } = buildRoot({
        upstreamRoot: { filter: { metadata: false, lists: { malware: { enabled: true } } } },
        ...ours,
        pin: undefined,
      })
      assert.equal(filter, { metadata: false, lists: { malware: { enabled: true } } })
    })

    test('names no host but this one', () => {
      assert.not.match(JSON.stringify(buildRoot({ upstreamRoot, ...ours, pin })), 'packages.test')
    })

    test('passes on notices without what could act on a terminal', () => {
      const root = buildRoot({
        upstreamRoot: {
          info: '\u001b[31mred\u0007\u009b',
          'info-versions': '*\n',
          warning: ['not', 'text'],
          warnings: [
            { versions: '<2', message: 'o\u001bld', more: 1 },
            { versions: 1, message: 'x' },
            { message: 'x' },
            'x',
            null,
          ],
        },
        ...ours,
        pin: undefined,
      })
      assert.is(root['info'], '[31mred')
      assert.is(root['info-versions'], '*')
      assert.equal(root['warnings'], [{ versions: '<2', message: 'old' }])
      assert.not.ok('warning' in root)
      assert.not.ok('infos' in root)
    })

    test('passes on which packages upstream has', () => {
      const names = { 'available-packages': ['a/b', 7], 'available-package-patterns': ['a/*'] }
      const root = buildRoot({ upstreamRoot: names, ...ours, pin: undefined })
      assert.equal(root['available-packages'], ['a/b'])
      assert.equal(root['available-package-patterns'], ['a/*'])
    })
  },
)

describe(
  'upstream endpoints',
  async () => ({}),
  (test) => {
    test('are taken from the root file, templates and all', () => {
      assert.equal(upstreamEndpoints(upstreamRoot, 'https://repo.packages.test'), {
        search: 'https://packages.test/search.json?q=%query%&type=%type%',
        list: 'https://packages.test/packages/list.json',
        providersApi: 'https://packages.test/providers/%package%.json',
        securityAdvisories: 'https://packages.test/api/advisories/',
        filterSummary: 'https://repo.packages.test/lists/all/summary.json',
        metadataChanges: 'https://packages.test/metadata/changes.json',
        notifyBatch: 'https://packages.test/downloads/',
      })
    })

    test('that begin with a slash are on the host of upstream, whatever its path', () => {
      const root = { search: '/search.json?q=%query%', list: '//elsewhere/x' }
      assert.equal(upstreamEndpoints(root, 'http://host:8901/some/path/'), {
        search: 'http://host:8901/search.json?q=%query%',
        list: 'http://host:8901//elsewhere/x',
      })
    })

    test('that are not http or https are left out', () => {
      for (const value of [
        'search.json',
        'file:///etc/passwd',
        'ftp://host/x',
        'javascript:x',
        'https:host',
        'https:\\\\host',
        'https://',
        'https://user:secret@host/',
        'https://ho st/',
        'https://host/\r\nx',
        'https://[host/',
        ' https://host/',
        '',
        7,
        null,
        {},
      ]) {
        assert.equal(
          upstreamEndpoints({ search: value }, 'https://host'),
          {},
          JSON.stringify(value),
        )
      }
      const broken = { 'security-advisories': null, filter: 'https://host/' }
      assert.equal(upstreamEndpoints(broken, 'https://host'), {})
    })

    test('says nothing when a former release kept one that is past a limit', () => {
      const deep = `{"filter":{"lists":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`
      assert.equal(parseRootFile(Buffer.from(deep)), {})
    })
  },
)
