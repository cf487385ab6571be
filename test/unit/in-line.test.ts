import * as assert from 'uvu/assert'
import { createLine } from '../../src/in-line.ts'
import { describe, rejection } from '../support/suite.ts'

describe(
  'who waits in line',
  async () => ({}),
  (test) => {
    test('begins in order, so many at once and no more, also after failures', async () => {
      const inLine = createLine(2)
      const begun: number[] = []
      const ends: (() => void)[] = []
      const all = [0, 1, 2, 3, 4].map(async (number) => {
        await inLine(async () => {
          begun.push(number)
          await new Promise<void>((resolve) => ends.push(resolve))
          if (number === 0) throw new Error('the first fails')
        })
      })
      const failed = rejection(all[0] ?? Promise.resolve())
      for (const [index, last] of [1, 2, 3, 4, 4].entries()) {
        assert.equal(begun, [0, 1, 2, 3, 4].slice(0, last + 1))
        ends[index]?.()
        await Promise.allSettled([all[index]])
      }
      assert.match(String(await failed), 'the first fails')
    })
  },
)
