import * as assert from 'uvu/assert'
import { straightTo } from '../../src/http/straight.ts'
import { madeBy, problemOf, readSources } from '../support/expressions.ts'
import { describe } from '../support/suite.ts'

const route = {
  surface: 'composer',
  policy: 'read',
  method: 'get',
  path: '/dist-proxy/:vendor/:package/:version/:file{/:name}',
  straight: true,
  handle: async () => ({ status: 200, headers: {} }),
} as const

/** The fault of 40 digits behind a version, and others of its kind. */
const planted = [
  String.raw`^1\.0-beta(?:[.-]?\d+)*$`,
  '^(?:a+)+$',
  '^a*a*$',
  String.raw`\d+$`,
  String.raw`^(dev-[^,\s@]+?)#.+$`,
]

describe(
  'regular expressions',
  async () => await readSources(),
  (test) => {
    test('in our sources have no repeats that nest or overlap', ({ literals }) => {
      assert.ok(literals.length > 100)
      assert.equal(
        literals.map(problemOf).filter((problem) => problem !== undefined),
        [],
      )
    })

    test('that are made of text have none either, and all of them are looked at', async (sources) => {
      const made = await madeBy(sources.making, () => straightTo([route]))
      const files = new Set(made.map(({ file }) => file))
      assert.equal(new Set(sources.making), files)
      assert.equal(
        made.map(problemOf).filter((problem) => problem !== undefined),
        [],
      )
    })

    for (const source of planted) {
      test(`are found to be bad when they are: ${source}`, () => {
        assert.match(problemOf({ file: 'planted.ts', source, flags: '' }) ?? '', 'planted.ts')
      })
    }
  },
)
