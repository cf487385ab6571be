import * as assert from 'uvu/assert'
import {
  advisoriesInDocument,
  inQuestions,
  joinedAdvisories,
  readAdvisories,
} from '../../src/composer/advisories.ts'
import { DocumentUnreadable } from '../../src/composer/document.ts'
import { PackageName } from '../../src/composer/names.ts'
import { describe } from '../support/suite.ts'

const log = PackageName.parse('psr/log')
const source = { packageName: log, host: 'packagist.example', modifiedAt: '2026-01-01T00:00:00Z' }

function inDocument(advisories: unknown): string | undefined {
  const top = { packages: { 'psr/log': [] }, 'security-advisories': advisories }
  return advisoriesInDocument(Buffer.from(JSON.stringify(top)), source)
}

describe(
  'advisories in a document',
  async () => ({}),
  (test) => {
    test('are none when it says so, and unknown when it says nothing that can be read', async () => {
      assert.is(inDocument([]), '[]')
      assert.is(inDocument({}), '[]')
      const entry = { advisoryId: '1', affectedVersions: '<2' }
      for (const advisories of [
        undefined,
        null,
        'none',
        [null],
        [entry, {}],
        [{ ...entry, advisoryId: 1 }],
        [{ ...entry, advisoryId: 'x'.repeat(201) }],
        [{ ...entry, affectedVersions: null }],
        [{ ...entry, title: '\uD800' }],
        Array.from({ length: 130_000 }, () => entry),
      ]) {
        assert.is(inDocument(advisories), undefined, JSON.stringify(advisories)?.slice(0, 99))
      }
      assert.is(advisoriesInDocument(Buffer.from('['.repeat(1_000_000)), source), undefined)
    })

    test('keep what is said of them, with nothing for a terminal to act on', async () => {
      const told = inDocument([
        {
          advisoryId: '1',
          affectedVersions: '<2',
          title: 'T\u001B[2J',
          severity: 'low',
          link: null,
        },
      ])
      const [record] = JSON.parse(told ?? '') as readonly Readonly<Record<string, unknown>>[]
      assert.is(record?.['severity'], 'low')
      assert.is(record?.['link'], null)
      assert.match(String(record?.['title']), /^T/)
      assert.not.match(String(record?.['title']), '\u001B')
    })

    test('are joined with others by their ids', async () => {
      const list = '[{"advisoryId":"1","title":"full"}]'
      assert.is(joinedAdvisories(list, '[{"advisoryId":"1"}]'), list)
      assert.is(
        joinedAdvisories(list, '[{"advisoryId":"1"},{"advisoryId":"2"}]'),
        '[{"advisoryId":"1","title":"full"},{"advisoryId":"2"}]',
      )
    })
  },
)

describe(
  'an answer about advisories',
  async () => ({}),
  (test) => {
    test('is one of the names that were asked, or none at all', async () => {
      const read = (text: string) => [...readAdvisories(Buffer.from(text), [log]).byName]
      assert.equal(read('{"advisories":[]}'), [])
      assert.equal(read('{"advisories":{"a/b":[],"psr/log":{"1":{"a":1}}}}'), [[log, '[{"a":1}]']])
      for (const text of [
        '{}',
        '[]',
        'null',
        '{"advisories":[1]}',
        '{"advisories":{"psr/log":0}}',
        `{"advisories":${'['.repeat(1_000_000)}`,
        String.raw`{"advisories":{"psr/log":["\ud800"]}}`,
      ]) {
        assert.throws(
          () => read(text),
          (error: unknown) => error instanceof DocumentUnreadable,
        )
      }
    })

    test('is to 500 names at once', async () => {
      const names = Array.from({ length: 1_001 }, (_, n) => PackageName.parse(`a/p${n}`))
      assert.equal(
        inQuestions(names).map(({ length }) => length),
        [500, 500, 1],
      )
      assert.equal(inQuestions(names).flat(), names)
      assert.equal(inQuestions([]), [])
    })
  },
)
