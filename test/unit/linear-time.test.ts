import * as assert from 'uvu/assert'
import { atoms, readers } from '../support/foreign-text.ts'
import { fuzz } from '../support/fuzz.ts'
import { type Random, randomFrom } from '../support/random.ts'
import { describe } from '../support/suite.ts'

type Read = (text: string) => unknown

/** A repeat inside of a repeat takes seconds by the end of these, and hours for twice as much. */
const shortLengths = [16, 20, 24, 28, 32, 40, 48, 64, 96, 128, 256, 512, 1024]
const shortMsMax = 30
/** What grows with the square takes 64 times as long for eight times as much. */
const [length, times, factorMax, floorMs] = [2_000, 8, 24, 40]
const measurementsMax = 5
const textsPerRound = 100

interface LongText {
  readonly begin: string
  readonly repeated: string
  readonly end: string
}

function longText({ pick, below }: Random): LongText {
  const some = (most: number) => Array.from({ length: below(most + 1) }, () => pick(atoms)).join('')
  return { begin: some(3), repeated: pick(atoms) + some(2), end: some(2) }
}

function ofLength({ begin, repeated, end }: LongText, atLeast: number): string {
  return begin + repeated.repeat(Math.ceil(atLeast / repeated.length)) + end
}

/** CPU time: what else the machine does must not count. */
function measureMs(read: Read, text: string): number {
  const begun = process.cpuUsage()
  read(text)
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / 1000
}

/** Collecting garbage makes anything slow now and then, but not each time. */
function isEachTime(isSlow: () => boolean): boolean {
  for (let measurements = 0; measurements < measurementsMax; measurements++) {
    if (!isSlow()) return false
  }
  return true
}

/** What is wrong with the time that reading takes; undefined: it grows with the length. */
function problemOf(read: Read, text: LongText): string | undefined {
  for (const each of shortLengths) {
    const short = ofLength(text, each)
    if (isEachTime(() => measureMs(read, short) > shortMsMax)) {
      return `${short.length} characters take more than ${shortMsMax} ms`
    }
  }
  const [one, many] = [ofLength(text, length), ofLength(text, length * times)]
  const isSlow = () => measureMs(read, many) > factorMax * measureMs(read, one) + floorMs
  return isEachTime(isSlow) ? `${times} times as much takes ${factorMax} times as long` : undefined
}

const names = Object.keys(readers)

function check(name: string, text: LongText): void {
  const problem = problemOf(readers[name] ?? String, text)
  assert.is(problem, undefined, `${name}: ${problem}: ${JSON.stringify(text)}`)
}

describe(
  'reading what others have written',
  async () => ({}),
  (test) => {
    test('takes time in proportion to its length, whatever it is', async () => {
      for (const name of names) check(name, { begin: '', repeated: '1', end: '!' })
      for (const seed of fuzz('the time that reading takes', 3).rounds()) {
        const random = randomFrom(seed)
        for (let texts = 0; texts < textsPerRound; texts++) {
          check(random.pick(names), longText(random))
        }
      }
    })

    test('is found to take longer where it does', () => {
      const evil = { begin: '1.0-beta', repeated: '1', end: '!' }
      const nested = new RegExp(String.raw`^1\.0-beta(?:[.-]?\d+)*$`)
      assert.match(problemOf((text) => nested.test(text), evil) ?? '', 'characters take')
      const ending = new RegExp(String.raw`\d+$`)
      // Ten times: far enough from what noise adds to the measurements.
      const square = (text: string) => Array.from({ length: 10 }, () => ending.test(text))
      assert.match(problemOf(square, evil) ?? '', 'as long')
    })
  },
)
