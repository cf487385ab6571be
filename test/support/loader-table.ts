import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { thrownBy } from './composer-loader.ts'
import { generatedCases, type LoaderCase, placedCases, values } from './loader-cases.ts'

/** Of each case a hexadecimal digit: which of the Composers throw at it, the first one being 1, then 2, 4 and 8. */
const Table = z.object({
  composers: z.array(z.string()).min(1).max(4),
  /** By the place in a version, one digit for each of `values`. */
  placed: z.record(z.string(), z.string()),
  generated: z.string(),
})
export type LoaderTable = z.infer<typeof Table>

const generatedCount = 3_000
/** All cases of the table: every value in every place, then those made at random, which are always the same. */
export const allCases: readonly LoaderCase[] = [
  ...placedCases,
  ...generatedCases(generatedCount, 1),
]
export { placedCases }

/** For each case, which of the Composers throw at it, as a number of the table. */
export function throwersOf(
  bins: readonly string[],
  cases: readonly LoaderCase[],
): readonly number[] {
  const versions = cases.map(({ version }) => version)
  const thrown = bins.map((bin) => thrownBy(bin, versions))
  return cases.map((_, index) =>
    thrown.reduce((sum, told, place) => sum + (told[index] === null ? 0 : 2 ** place), 0),
  )
}

export function writeTable(composers: readonly string[], throwers: readonly number[]): LoaderTable {
  const digits = throwers.map((bits) => bits.toString(16)).join('')
  const placed = Array.from({ length: placedCases.length / values.length }, (_, row) => {
    const begin = row * values.length
    return [placedCases[begin]?.place, digits.slice(begin, begin + values.length)] as const
  })
  return {
    composers: [...composers],
    placed: Object.fromEntries(placed),
    generated: digits.slice(placedCases.length),
  }
}

const file = new URL('../fixtures/composer-loader/thrown.json', import.meta.url)

/** The table as it was written last. */
export function readTable(): {
  readonly composers: readonly string[]
  readonly throwers: readonly number[]
} {
  const { composers, placed, generated } = Table.parse(JSON.parse(readFileSync(file, 'utf8')))
  const digits = [...Object.values(placed), generated].join('')
  return { composers, throwers: Array.from(digits, (digit) => Number.parseInt(digit, 16)) }
}
