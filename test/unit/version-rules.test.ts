import * as assert from 'uvu/assert'
import { minifyVersions, type JsonObject } from '../../src/composer/minify.ts'
import { PackageName } from '../../src/composer/names.ts'
import { blockedAmong, type VersionRule, withRules } from '../../src/composer/version-rules.ts'
import { patientMs } from '../support/slowness.ts'
import { describe } from '../support/suite.ts'

const packageName = PackageName.parse('acme/log')
const withoutBlocked = (bytes: Buffer, name: PackageName, rules: readonly VersionRule[]) =>
  withRules(bytes, { packageName: name, rules, otherLists: undefined })
const rule = (constraint: string, over: Partial<VersionRule> = {}): VersionRule => {
  return { list: 'own', constraint, reason: null, ...over }
}

function documentOf(...names: readonly string[]): Buffer {
  const versions = names.map((version) => ({ version, description: `of ${version}` }))
  const packages = { 'acme/log': minifyVersions(versions) }
  return Buffer.from(JSON.stringify({ minified: 'composer/2.0', packages, other: 1 }))
}

function read(bytes: Buffer): JsonObject & { readonly warning: string } {
  return JSON.parse(bytes.toString()) as JsonObject & { warning: string }
}

describe(
  'a document of which versions are blocked',
  async () => ({}),
  (test) => {
    test('is minified anew, with all else in its place', () => {
      const rest = withoutBlocked(documentOf('3.0', '2.0', '1.0'), packageName, [rule('2.*')])
      const { warning, ...others } = read(rest)
      assert.equal(others, read(documentOf('3.0', '1.0')))
      assert.is(
        warning,
        'Almanac: these versions of acme/log are not offered: 2.0 (blocked by the operator)',
      )
    })

    test('says of each reason which versions, and of many how many', () => {
      const names = ['9.0', '1.6', '1.5', '1.4', '1.3', '1.2', '1.1', '1.0', '0.1', 'dev-main']
      const rules = [
        rule('^1.0', { reason: 'too old' }),
        rule('0.1|dev-main', { list: 'malware', reason: null }),
      ]
      const { warning } = read(withoutBlocked(documentOf(...names), packageName, rules))
      assert.match(
        warning,
        '1.6, 1.5, 1.4, 1.3, 1.2 and 2 more (blocked by the operator: too old); ',
      )
      assert.match(warning, '; 0.1, dev-main (malware, as upstream says)')
    })

    test('is the very bytes when none of its versions is meant', () => {
      const bytes = documentOf('3.0', 'dev-main')
      assert.is(withoutBlocked(bytes, packageName, [rule('2.*'), rule('dev-other')]), bytes)
    })

    test('is compared by what Composer compares by', () => {
      const versions = [
        { version: 'v2.0', version_normalized: '2.0.0.0' },
        { version: 'dev-trunk', version_normalized: '9999999-dev' },
      ]
      const bytes = Buffer.from(JSON.stringify({ packages: { 'acme/log': versions } }))
      const rest = read(withoutBlocked(bytes, packageName, [rule('2.0|dev-trunk')]))
      assert.equal(rest['packages'], { 'acme/log': [] })
    })

    test('names the first rule that is met', () => {
      const rules = [rule('1.0'), rule('*', { reason: 'all' })]
      assert.equal(blockedAmong(['1.0.0.0'], rules), { version: '1.0.0.0', rule: rules[0] })
      assert.equal(blockedAmong(['2.0.0.0'], rules), { version: '2.0.0.0', rule: rules[1] })
    })

    test('keeps nothing of what a rule is against that nobody can read', () => {
      const unreadable = rule('nonsense')
      assert.is(blockedAmong(['2.0.0.0'], [unreadable])?.rule, unreadable)
      assert.is(blockedAmong(['dev-main'], [unreadable])?.rule, unreadable)
    })

    test('is gone through at once, however many versions a list names one by one', () => {
      const listed = Array.from({ length: 3_000 }, (_, minor) => `9.${minor}.1`)
      const names = Array.from({ length: 10_000 }, (_, minor) => `7.${minor}.1`)
      const rules = [rule(listed.join('|'), { list: 'malware' })]
      const bytes = documentOf(...names)
      const before = process.cpuUsage()
      assert.is(withoutBlocked(bytes, packageName, rules), bytes)
      assert.is(blockedAmong(names, rules), undefined)
      const { user, system } = process.cpuUsage(before)
      const cpuMs = (user + system) / 1000
      assert.ok(cpuMs < patientMs(3_000), `${cpuMs} ms; one by one it takes ten seconds and more`)
      assert.is(blockedAmong([...names, '9.2999.1.0'], rules)?.version, '9.2999.1.0')
    })

    test('keeps nothing where a rule takes too many comparisons, and all where others do', () => {
      const ranges = Array.from({ length: 3_000 }, (_, minor) => `>9.${minor}`)
      const names = Array.from({ length: 10_000 }, (_, minor) => `7.${minor}.1`)
      const rest = withoutBlocked(documentOf(...names), packageName, [rule(ranges.join('|'))])
      assert.equal(read(rest)['packages'], { 'acme/log': [] })
      assert.is(blockedAmong(names.slice(0, 33), [rule(ranges.join('|'))]), undefined)
      assert.is(blockedAmong(names.slice(0, 34), [rule(ranges.join('|'))])?.version, names[0])
      const many = Array.from({ length: 1_000 }, () => 'dev-main')
      assert.is(blockedAmong(many, [rule(ranges.join('|'))]), undefined)
    })
  },
)
