import * as assert from 'uvu/assert'
import { createAllowance } from '../../src/access/allowance.ts'
import type { Client } from '../../src/access/client.ts'
import { createTokenGuesses } from '../../src/access/token-guesses.ts'
import { describe, rejection } from '../support/suite.ts'

const client = (address: string | undefined): Client => ({
  key: address === undefined ? undefined : `address ${address}`,
  hasToken: false,
})

function open() {
  let now = 0
  const waits: number[] = []
  const warnings: unknown[] = []
  const nowMs = () => now
  const slowed = createAllowance({
    burst: 1,
    perSecond: 1,
    message: 'too many wrong tokens',
    nowMs,
    wait: async (ms) => void waits.push(ms),
  })
  const logger = { warn: (about: unknown) => void warnings.push(about) }
  const { finding, guessers } = createTokenGuesses({ slowed, nowMs, logger })
  async function answering(token: string, { key }: Client) {
    const shown = { token, client: { key, hasToken: false } }
    return await finding(shown, async () => (token.startsWith('good') ? 'somebody' : undefined))
  }
  /** Shows so many new tokens; for how long the answers waited, in seconds, or that there was none. */
  let shown = 0
  async function guess(address: string | undefined, times: number) {
    const outcomes: (number | string)[] = []
    for (let n = 0; n < times; n++) {
      const answered = answering(`token ${(shown += 1)}`, client(address))
      outcomes.push(
        await answered.then(
          () => (waits.shift() ?? 0) / 1000,
          () => 'refused',
        ),
      )
    }
    return outcomes
  }
  const advance = (minutes: number) => (now += minutes * 60_000)
  const waited = () => waits
  return { answering, guess, guessers, waited, warnings, advance }
}

const none = (count: number) => Array.from({ length: count }, () => 0)

describe(
  'wrong tokens',
  async () => ({}),
  (test) => {
    test('are answered at once up to 20, then one a second, then not', async () => {
      const { guess, advance } = open()
      assert.equal(await guess('192.0.2.1', 20), none(20))
      assert.equal(await guess('192.0.2.1', 8), [0, 1, 2, 3, 4, 5, 'refused', 'refused'])
      assert.equal(await guess('192.0.2.2', 20), none(20), 'from another address at once')
      advance(1)
      assert.equal(await guess('192.0.2.1', 2), [0, 1])
      advance(60)
      assert.equal(await guess('192.0.2.1', 1), [0])
    })

    test('of the same text are one, whatever comes between', async () => {
      const { answering, guess, guessers } = open()
      const typo = async () => await answering('almanac_typo', client('192.0.2.1'))
      await typo()
      await guess('192.0.2.1', 1_000)
      for (let times = 0; times < 300; times++) await typo()
      for (let times = 0; times < 300; times++) {
        await answering('almanac_typo', client('192.0.2.2'))
      }
      assert.equal(
        guessers().map(({ from }) => from),
        ['192.0.2.1'],
      )
    })

    test('keep none that counts waiting, whether it was shown before or not', async () => {
      const { answering, guess, waited } = open()
      await guess('192.0.2.1', 100)
      for (const token of ['good one', 'good stranger', 'good one']) {
        assert.is(await answering(token, client('192.0.2.1')), 'somebody')
      }
      assert.equal(waited(), [])
      await rejection(answering('bad stranger', client('192.0.2.1')))
      await rejection(answering('bad stranger', client('192.0.2.1')))
    })

    test('are told of from 200 on, until an hour after they end', async () => {
      const { guess, guessers, advance, warnings } = open()
      await guess('192.0.2.1', 199)
      assert.equal(guessers(), [])
      await guess('192.0.2.1', 801)
      assert.equal(guessers(), [{ from: '192.0.2.1', tokens: 1_000 }])
      assert.equal(warnings, [{ from: '192.0.2.1' }])
      advance(60)
      assert.is(guessers().length, 1)
      advance(10)
      assert.equal(guessers(), [])
    })

    test('behind a proxy that is not trusted are told of, and nobody waits for another', async () => {
      const { guess, guessers } = open()
      assert.equal(await guess(undefined, 300), none(300))
      assert.is(guessers()[0]?.from, 'clients behind a proxy that is not trusted')
    })

    test('from more addresses than are remembered are counted together', async () => {
      const { guess, guessers, advance } = open()
      for (let n = 0; n < 2_300; n++) await guess(`2001:db8:0:${n.toString(16)}::/64`, 1)
      assert.equal(
        guessers().map(({ from }) => from),
        ['many addresses'],
      )
      advance(600)
      await guess('192.0.2.1', 300)
      assert.equal(
        guessers().map(({ from }) => from),
        ['192.0.2.1'],
        'those that ended make room',
      )
    })
  },
)
