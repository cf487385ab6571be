import * as assert from 'uvu/assert'
import type { JsonObject } from '../../src/composer/minify.ts'
import { buildRoot } from '../../src/composer/packages-json.ts'
import { packagistRoot as upstreamRoot } from '../support/packagist-root.ts'
import { describe } from '../support/suite.ts'

const publicUrl = 'https://proxy.test/composer'
const ours = { publicUrl, distMode: 'mirror', hasUpstream: true, reserved: [] } as const
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
        'security-advisories',
        'filter',
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

    test('has Composer ask for malware here, whatever upstream says of its lists', () => {
      const malware = { malware: { enabled: true } }
      const filters = [
        undefined,
        [],
        'https://packages.test/',
        { metadata: false, lists: { malware: { enabled: false } }, 'summary-url': 7 },
        { metadata: true, lists: [{ enabled: true }] },
        { lists: { malware: null, policy: { enabled: false }, other: true } },
      ]
      for (const filter of filters) {
        const root = buildRoot({ upstreamRoot: { filter }, ...ours, pin })
        assert.equal(
          root['filter'],
          {
            metadata: true,
            lists: malware,
            'summary-url': 'https://proxy.test/composer/lists/all/summary.json',
          },
          JSON.stringify(filter),
        )
      }
    })

    test('names upstream’s further lists, but none that Composer may stop at', () => {
      const names = ['typo-squats', 'Own_List.2', 'ignored', 'ignore-this', 'licenses', 'licence']
      const others = ['advisories', 'abandoned', 'packages', 'security', 'cooldown', 'support']
      const odd = ['0', '17', '', 'a b', 'a\u001b', 'x'.repeat(200), 'maintenance', '-']
      const all = [...names, ...others, ...odd, 'minimum-release-age']
      const lists = Object.fromEntries(all.map((name) => [name, { enabled: true, more: 1 }]))
      const many = Array.from({ length: 1_000 }, (_, index) => [`l${index}`, { enabled: true }])
      const listsOf = (of: JsonObject) =>
        buildRoot({ upstreamRoot: { filter: { lists: of } }, ...ours, pin: undefined })['filter']
      assert.equal((listsOf(lists) as JsonObject)['lists'], {
        malware: { enabled: true },
        'typo-squats': { enabled: true },
        'Own_List.2': { enabled: true },
      })
      const told = (listsOf(Object.fromEntries(many) as JsonObject) as JsonObject)['lists']
      assert.is(Object.keys(told as JsonObject).length, 21)
    })

    test('has Composer ask for advisories here, unless it takes them from the documents alone', () => {
      const api = 'https://proxy.test/composer/api/security-advisories/'
      const patterns = { 'available-package-patterns': ['a/*'] }
      const advisoriesOf = (upstreams: JsonObject, hasUpstream = true) =>
        buildRoot({ upstreamRoot: upstreams, ...ours, hasUpstream, pin: undefined })[
          'security-advisories'
        ]
      const without = [{}, { metadata: true }, { metadata: false, 'api-url': 'javascript:x' }, 'x']
      for (const told of without) {
        const root = { 'security-advisories': told }
        assert.equal(advisoriesOf(root), { metadata: true, 'api-url': api }, JSON.stringify(told))
        assert.equal(advisoriesOf({ ...root, ...patterns }), { metadata: true })
        const nameless = { ...root, 'available-packages': [7], 'available-package-patterns': [] }
        assert.equal(advisoriesOf(nameless), { metadata: true, 'api-url': api })
      }
      for (const metadata of [true, false]) {
        const root = { 'security-advisories': { metadata, 'api-url': '/advisories/' } }
        assert.equal(advisoriesOf({ ...root, ...patterns }), { metadata, 'api-url': api })
      }
      assert.is(advisoriesOf({}, false), undefined, 'nobody reports any about what is ours alone')
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
