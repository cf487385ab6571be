import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../src/composer/minify.ts'
import { withoutVersion, withVersion } from '../../src/composer/own-document.ts'
import {
  problemOfPublished,
  publishableVersion,
  publishedVersion,
} from '../../src/composer/published-version.ts'
import { rewriteDists } from '../../src/composer/rewrite-dists.ts'
import { packageName, plain, publication, versionsIn, whole } from '../support/composer-json.ts'
import { describe } from '../support/suite.ts'

describe(
  'a published version',
  async () => ({}),
  (test) => {
    test('has Packagist’s keys in Packagist’s order, and nothing that is for its own development', () => {
      const version = publishedVersion(whole, publication)
      assert.is(problemOfPublished(version), undefined)
      assert.equal(Object.keys(version), [
        'name',
        'description',
        'keywords',
        'homepage',
        'version',
        'version_normalized',
        'license',
        'authors',
        'dist',
        'type',
        'support',
        'funding',
        'time',
        'published-time',
        'autoload',
        'extra',
        'bin',
        'require',
        'require-dev',
        'suggest',
        'conflict',
        'provide',
        'replace',
        'abandoned',
      ])
      assert.equal(version['license'], ['proprietary'])
      assert.equal(version['bin'], ['bin/log'])
      assert.is(version['time'], '2026-05-01T00:00:00+00:00')
      assert.is(version['published-time'], '2026-06-01T12:00:00+00:00')
    })

    test('is dated by its publication when its own time is none', () => {
      for (const time of ['soon', '2026-02-30', '']) {
        const { time: written } = publishedVersion({ name: packageName, time }, publication)
        assert.is(written, '2026-06-01T12:00:00+00:00', time)
      }
    })

    test('has our URL as soon as somebody reads it', () => {
      const version = publishedVersion(whole, publication)
      const body = withVersion(undefined, packageName, version)
      const [written] = versionsIn(rewriteDists(body, packageName, 'https://packages.example.org'))
      const { dist } = version as { readonly dist: { readonly url: string } }
      const { sha256, versionNormalized } = publication
      const path = `/dist-proxy/${packageName}/${versionNormalized}/${sha256}.zip`
      assert.equal(written?.['dist'], { ...dist, url: `https://packages.example.org${path}` })
    })

    test('that tells too much is refused', () => {
      const version = publishedVersion({ ...whole, extra: { a: 'x'.repeat(131_072) } }, publication)
      assert.match(problemOfPublished(version) ?? '', 'at most 131072 bytes')
    })
  },
)

describe(
  'a version’s name',
  async () => ({}),
  (test) => {
    test('is one that Composer knows and that an archive’s URL can have', () => {
      for (const [version, normalized] of [
        ['1.0.0', '1.0.0.0'],
        ['v1', '1.0.0.0'],
        ['2026.01.02', '2026.01.02.0'],
        ['1.0.0+build.5', '1.0.0.0'],
        ['dev-feature/x', 'dev-feature/x'],
        ['1.x-dev', '1.9999999.9999999.9999999-dev'],
      ] as const) {
        assert.is(publishableVersion(version), normalized)
      }
      const refused = [
        '',
        '1.x',
        'x',
        '1 ',
        '1@dev',
        'dev-a b',
        'dev-#1',
        'dev-ü',
        'dev-a\\b',
        '-1',
      ]
      for (const version of [...refused, `dev-${'a'.repeat(200)}`]) {
        assert.is(publishableVersion(version), undefined, version)
      }
    })
  },
)

describe(
  'a document of our own',
  async () => ({}),
  (test) => {
    const numbers = fc.tuple(fc.nat(3), fc.nat(3), fc.constantFrom('', '-beta1', '-RC1', '-p1'))
    const change = fc.record({
      version: numbers.map(([major, minor, suffix]) => `${major}.${minor}${suffix}`),
      isGone: fc.boolean(),
      extra: fc.nat(3),
    })

    test('has what was published and not withdrawn, each once, the newest first', () => {
      fc.assert(
        fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
          const model = new Map<string, unknown>()
          let body: Buffer | undefined
          for (const { version, isGone, extra } of changes) {
            const versionNormalized = publishableVersion(version) ?? ''
            const json = { name: packageName, extra: { extra } }
            const published = publishedVersion(json, {
              ...publication,
              version,
              versionNormalized,
            })
            body = isGone
              ? withoutVersion(body, packageName, versionNormalized)
              : withVersion(body, packageName, published)
            if (isGone) model.delete(versionNormalized)
            else model.set(versionNormalized, plain(published))
          }
          const found = body === undefined ? [] : versionsIn(body).map(plain)
          assert.equal(
            new Map(found.map((each) => [(each as JsonObject)['version_normalized'], each])),
            model,
          )
          assert.is(found.length, model.size)
        }),
        { numRuns: 300 },
      )
    })
  },
)
