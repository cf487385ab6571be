import { readdirSync, readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { DomainEvent } from '../../src/events/types.ts'
import { describe } from '../support/suite.ts'

/** `<Type>.v<n>[-what].json`: an event's data as some release wrote it. Never edited, only added to. */
const fixtures = new URL('../fixtures/events/', import.meta.url)
const files = readdirSync(fixtures)

describe(
  'recorded events',
  async () => ({}),
  (test) => {
    for (const file of files) {
      test(`${file} decodes, with nothing lost`, () => {
        const [type] = file.split('.')
        const data: unknown = JSON.parse(readFileSync(new URL(file, fixtures), 'utf8'))
        assert.equal(DomainEvent.parse({ type, data }), { type, data })
      })
    }

    test('every type has a fixture', () => {
      const types = DomainEvent.options.map(({ shape }) => shape.type.value)
      const known = new Set(files.map((file) => file.split('.')[0]))
      assert.equal(
        types.filter((type) => !known.has(type)),
        [],
      )
    })
  },
)
