import * as assert from 'uvu/assert'
import { digestOfFilter, mayHaveFilter, readFilter } from '../../src/composer/document-filter.ts'
import { alternativesBeside, sentConstraint } from '../../src/composer/listed-constraints.ts'
import { PackageName } from '../../src/composer/names.ts'
import { describe } from '../support/suite.ts'

const acmeLog = PackageName.parse('acme/log')
const any = [{ constraint: '*' }]

describe(
  'the filter of a document',
  async () => ({}),
  (test) => {
    test('keeps every list, and the details that are text', () => {
      const malware = [{ constraint: '1.0', url: 'https://a.example/', reason: 'r', id: 'i' }]
      const filter = { malware, other: [{ constraint: '>=2', source: 's' }] }
      assert.equal(readFilter(filter, acmeLog), { lists: filter, unreadable: [], isAsSent: true })
    })

    test('counts a constraint that Composer can’t read as any version', () => {
      for (const constraint of ['>=>2', '', 1, ['1.0'], '1.0\u0000', '1.0\uD800']) {
        const read = readFilter({ malware: [{ constraint }] }, acmeLog)
        const wanted = { lists: { malware: any }, unreadable: ['malware'], isAsSent: false }
        assert.equal(read, wanted, JSON.stringify(constraint))
      }
    })

    test('leaves out what is no entry, no list, and no name of a list', () => {
      const named = { 'a\u001B': [{ constraint: '1.0' }], [`x${'y'.repeat(200)}`]: any }
      const filter = { ...named, malware: [null, 'x', {}, { constraint: null }], other: 'text' }
      assert.equal(readFilter(filter, acmeLog).lists, {})
      for (const nothing of [undefined, null, [], 'text', 1]) {
        assert.equal(readFilter(nothing, acmeLog).lists, {})
      }
    })

    test('leaves out details that are no text, and cuts what acts in a terminal', () => {
      const entry = { constraint: '1.0', url: ['x'], reason: 'a\u001B\uDC00b' }
      const read = readFilter({ malware: [entry] }, acmeLog)
      assert.equal(read.lists, { malware: [{ constraint: '1.0', reason: 'ab' }] })
      assert.equal(read.isAsSent, false)
    })

    test('blocks any version where a list has too many entries', () => {
      const entries = Array.from({ length: 1_001 }, (_, n) => ({ constraint: `1.${n}` }))
      const { lists, unreadable } = readFilter({ malware: entries }, acmeLog)
      assert.equal({ lists, unreadable }, { lists: { malware: any }, unreadable: ['malware'] })
      assert.is(readFilter({ malware: entries.slice(1) }, acmeLog).lists['malware']?.length, 1_000)
    })

    test('blocks any version where all lists are too long, and drops the others', () => {
      const entries = Array.from({ length: 100 }, () => ({
        constraint: '1',
        url: 'u'.repeat(2_000),
      }))
      const { lists, unreadable } = readFilter({ malware: [any[0]], other: entries }, acmeLog)
      assert.equal({ lists, unreadable }, { lists: { malware: any }, unreadable: ['malware'] })
    })

    test('has the same digest for lists in whatever order, and none that must not be sent', () => {
      const [one, other] = [any, [{ constraint: '1.0' }]]
      const digest = digestOfFilter({ malware: one, other }, acmeLog)
      assert.is(digestOfFilter({ other, malware: one }, acmeLog), digest)
      assert.is(digestOfFilter({}, acmeLog), 'none')
      assert.is(digestOfFilter({ malware: [{ constraint: '>=>2' }] }, acmeLog), 'unfit')
    })

    test('is found in the bytes, also where its name is escaped', () => {
      assert.is(mayHaveFilter(Buffer.from('{"filter":{}}')), true)
      assert.is(mayHaveFilter(Buffer.from(String.raw`{"\u0066ilter":{}}`)), true)
      assert.is(mayHaveFilter(Buffer.from('{"packages":{}}')), false)
    })

    test('says * for a rule that can’t be sent, and knows which alternatives are new', () => {
      assert.is(sentConstraint('1.0 || 2.0'), '1.0 || 2.0')
      assert.is(sentConstraint('>=>2'), '*')
      assert.equal(alternativesBeside('1.0|2.0 || 3.0', ['2.0', '3.0|4.0']), ['1.0'])
    })
  },
)
