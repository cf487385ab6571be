import * as assert from 'uvu/assert'
import { parseDuration } from '../../src/time-machine/duration.ts'
import { describe } from '../support/suite.ts'

describe(
  'a duration',
  async () => ({}),
  (test) => {
    for (const [text, seconds] of [
      ['P30D', 2_592_000],
      ['P2W', 1_209_600],
      ['PT12H', 43_200],
      ['P1DT1H1M1S', 90_061],
    ] as const) {
      test(`${text} is ${seconds} seconds`, () => assert.is(parseDuration(text), seconds))
    }

    for (const text of [
      '',
      'P',
      'PT',
      'P0D',
      'P1M',
      'P1Y',
      'P1DT',
      '30D',
      'P-1D',
      'P1.5D',
      'P1W1D',
      ' P1D',
      'P1D\n',
    ]) {
      test(`${JSON.stringify(text)} is none`, () => assert.is(parseDuration(text), undefined))
    }
  },
)
