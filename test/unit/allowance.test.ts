import * as assert from 'uvu/assert'
import { type AllowanceOptions, createAllowance } from '../../src/access/allowance.ts'
import type { Client } from '../../src/access/client.ts'
import { AppError } from '../../src/errors.ts'
import { describe, rejection } from '../support/suite.ts'

const alice: Client = { key: 'address 192.0.2.1', hasToken: false }
const bob: Client = { key: 'address 192.0.2.2', hasToken: false }

/** A clock that moves when somebody waits; `waits` has for how long each did. */
function open(options: Partial<AllowanceOptions> = {}) {
  let now = 0
  const waits: number[] = []
  const allowance = createAllowance({
    burst: 3,
    perSecond: 1,
    message: 'too much was asked for',
    nowMs: () => now,
    wait: async (ms) => void waits.push(ms),
    ...options,
  })
  async function take(client: Client, times = 1) {
    for (let taken = 0; taken < times; taken++) await allowance.take(client)
    return waits.splice(0)
  }
  return { allowance, take, advance: (ms: number) => (now += ms) }
}

describe(
  'an allowance',
  async () => ({}),
  (test) => {
    test('is there at once, and then as it comes in', async () => {
      const { take, advance } = open()
      assert.equal(await take(alice, 3), [])
      assert.equal(await take(alice, 2), [1_000, 2_000])
      advance(2_000)
      assert.equal(await take(alice), [1_000])
      advance(60_000)
      assert.equal(await take(alice, 4), [1_000], 'never more than the burst')
    })

    test('is refused to who would wait for more than 5 s, with when to come back', async () => {
      const { take, allowance, advance } = open()
      assert.equal(await take(alice, 8), [1_000, 2_000, 3_000, 4_000, 5_000])
      const error = await rejection(allowance.take(alice))
      assert.instance(error, AppError)
      const { code, message, retryAfterSeconds } = error as AppError // as was asserted
      assert.equal(
        [code, message, retryAfterSeconds],
        ['allowance_used_up', 'too much was asked for', 6],
      )
      advance(1_000)
      assert.equal(await take(alice), [5_000], 'and who is refused gets no further back')
    })

    test("is each client's own", async () => {
      const { take } = open()
      await take(alice, 8)
      assert.equal(await take(bob, 3), [])
      assert.equal(await take({ key: alice.key, hasToken: true }, 3), [])
    })

    test('can be given back', async () => {
      const { take, allowance } = open()
      const taken = await allowance.take(alice)
      await take(alice, 2)
      taken.giveBack()
      assert.equal(await take(alice, 2), [1_000])
    })

    test('is without limit for clients that can not be told apart', async () => {
      const { take } = open()
      assert.equal(await take({ key: undefined, hasToken: false }, 100), [])
    })

    test('does not come back by other clients crowding its client out', async () => {
      const { take, allowance, advance } = open({ clientsMax: 10 })
      await take(alice, 8)
      const others = Array.from({ length: 100 }, (_, n) => ({ key: `${n}`, hasToken: false }))
      const taken = await Promise.allSettled(others.map(async (other) => await take(other)))
      assert.is(taken.filter(({ status }) => status === 'fulfilled').length, 9 + 8)
      assert.instance(await rejection(allowance.take(alice)), AppError)
      assert.equal(await take({ key: 'token 1', hasToken: true }), [], 'tokens have their own room')
      advance(60_000)
      assert.equal(await take({ key: 'later', hasToken: false }, 3), [], 'full ones make room')
    })

    test('locks nobody out when the clock is set back', async () => {
      const { take, advance } = open()
      await take(alice, 8)
      advance(-3_600_000)
      assert.equal(await take(alice, 2), [1_000, 2_000])
    })
  },
)
