import * as assert from 'uvu/assert'
import { PackageName, documentName } from '../../src/composer/names.ts'
import { inspectBody } from '../../src/metadata/inspect.ts'
import { composersAtHand } from '../support/every-composer.ts'
import { packageName } from '../support/composer-loader.ts'
import { fuzz } from '../support/fuzz.ts'
import { generatedCases, type LoaderCase } from '../support/loader-cases.ts'
import { allCases, readTable, throwersOf } from '../support/loader-table.ts'
import { randomFrom } from '../support/random.ts'
import { describe, skipSuite } from '../support/suite.ts'

/** What nobody is given, though Composer takes it. */
const ours = [
  /^version: no text$/,
  /^version_normalized: of another version$/,
  /^(?:source|dist)\.reference: (?:has two dots in a row|looks like an option)$/,
  /^(?:source|dist)(?:\.mirrors\.0)?\.url: (?:looks like an option|names a command)/,
  /^dist(?:\.mirrors\.0)?\.url: is not on the web$/,
  /^dist\.type: not a type of archives$/,
]
const isOurs = (problem: string) => ours.some((pattern) => pattern.test(problem))

function problemHere({ version }: LoaderCase): string | undefined {
  const body = Buffer.from(JSON.stringify({ packages: { [packageName]: [version] } }))
  const inspected = inspectBody(documentName(PackageName.parse(packageName), 'tags'), body)
  return inspected.ok ? undefined : (inspected.example ?? inspected.problem)
}

/** The releases that a number of the table stands for, such as `Composer 2.5 to 2.10`. */
function named(throwers: number, composers: readonly string[]): string {
  const releases = composers
    .filter((_, place) => Math.floor(throwers / 2 ** place) % 2 === 1)
    .map((version) => version.split('.', 2).join('.'))
  const [first, last] = [releases[0], releases.at(-1)]
  return first === last ? `Composer ${first} ` : `Composer ${first} to ${last} `
}

function compare(cases: readonly LoaderCase[], throwers: readonly number[]): void {
  for (const [index, one] of cases.entries()) {
    const problem = problemHere(one)
    const isTaken = throwers[index] === 0
    if (isTaken) assert.ok(problem === undefined || isOurs(problem), `${one.told}: ${problem}`)
    else assert.ok(problem !== undefined, `kept: ${one.told}`)
  }
}

describe(
  'versions that Composer throws at',
  async () => ({ table: readTable() }),
  (test) => {
    test('are those that are left out, whatever is in which place', ({ table }) => {
      assert.is(table.throwers.length, allCases.length)
      compare(allCases, table.throwers)
    })

    test('are told with the releases that do, when others take them', ({ table }) => {
      const { composers, throwers } = table
      const all = 2 ** composers.length - 1
      let seen = 0
      for (const [index, one] of allCases.entries()) {
        const bits = throwers[index] ?? 0
        const problem = problemHere(one) ?? ''
        if (one.place === '' || bits === 0 || isOurs(problem) || one.place.endsWith(' name'))
          continue
        assert.is(problem.includes(named(bits, composers)), bits !== all, `${one.told}: ${problem}`)
        seen += bits === all ? 0 : 1
      }
      assert.ok(seen > 80, `${seen}`)
    })
  },
)

const composers = composersAtHand()
const { composers: known } = readTable()
if (composers.length === 0) {
  skipSuite('versions that the Composers at hand throw at', 'there is no Composer here')
} else {
  const bins = composers.map(({ bin }) => bin)
  describe(
    'versions that the Composers at hand throw at',
    async () => ({ table: readTable() }),
    (test) => {
      test('are those of the table', ({ table }) => {
        const random = randomFrom(fuzz('the table', 0).rounds().next().value ?? 0)
        const some = Array.from({ length: 100 }, () => random.below(allCases.length))
        const cases = some.flatMap((index) => allCases[index] ?? [])
        for (const { bin, version } of composers) {
          const place = known.indexOf(version)
          if (place === -1) continue
          const throwers = throwersOf([bin], cases)
          for (const [nth, index] of some.entries()) {
            const isThrown = Math.floor((table.throwers[index] ?? 0) / 2 ** place) % 2
            assert.is(throwers[nth], isThrown, `${version}: ${cases[nth]?.told}`)
          }
        }
      })

      test('are left out, whatever is in them', () => {
        for (const seed of fuzz('versions', 0).rounds()) {
          const cases = generatedCases(100, seed)
          const throwers = throwersOf(bins, cases)
          // One that only a release throws at which isn't here is left out all the same.
          for (const [index, one] of cases.entries()) {
            if (throwers[index] === 0) continue
            assert.ok(problemHere(one) !== undefined, `kept: ${one.told}`)
          }
          if (known.every((version) => composers.some((one) => one.version === version))) {
            compare(cases, throwers)
          }
        }
      })
    },
  )
}
