import * as assert from 'uvu/assert'
import { createShared } from '../../src/access/share.ts'
import { describe } from '../support/suite.ts'

const anonymous = (key: string | undefined) => ({ key, hasToken: false })
const withToken = (key: string) => ({ key, hasToken: true })

function open() {
  let period = '2026-06-01'
  const shared = createShared({ perClient: 3, inAll: 10, withoutToken: 5, period: () => period })
  /** How often something is left for the client, of so many times that it asks. */
  function taken(client: Parameters<typeof shared.take>[0], times: number): number {
    return Array.from({ length: times }, () => shared.take(client)).filter(Boolean).length
  }
  return { shared, taken, nextDay: () => void (period = '2026-06-02') }
}

describe(
  'what there is for all in a day',
  async () => ({}),
  (test) => {
    test('is for none more than its share', () => {
      const { taken, nextDay } = open()
      assert.is(taken(anonymous('address 192.0.2.1'), 100), 3)
      assert.is(taken(anonymous('address 192.0.2.2'), 1), 1)
      nextDay()
      assert.is(taken(anonymous('address 192.0.2.1'), 100), 3)
    })

    test('is a part for those without a token, however many they are', () => {
      const { taken } = open()
      for (let host = 0; host < 100; host++) taken(anonymous(`address 192.0.2.${host}`), 1)
      assert.is(taken(anonymous('address 192.0.2.200'), 1), 0)
      assert.is(taken(withToken('token one'), 3), 3)
      assert.is(taken(withToken('token two'), 3), 2, 'and then nothing is left')
    })

    test('is limited in all, and not by client, for those that can not be told apart', () => {
      const { taken } = open()
      assert.is(taken(anonymous(undefined), 100), 5)
      assert.is(taken(withToken('token one'), 100), 3)
    })

    test('keeps a part for clients that took little', () => {
      const shared = createShared({
        perClient: 6,
        inAll: 20,
        withoutToken: 10,
        kept: { count: 3, below: 1 },
        period: () => '2026-06-01',
      })
      const taken = (key: string, times: number) =>
        Array.from({ length: times }, () => shared.take(anonymous(key))).filter(Boolean).length
      assert.equal([taken('one', 9), taken('two', 9)], [6, 1])
      assert.equal([taken('three', 9), taken('four', 9), taken('five', 9)], [1, 1, 1])
      assert.is(taken('six', 9), 0, 'and then nothing is left')
    })

    test('has again what is given back, on the same day', () => {
      const { shared, taken, nextDay } = open()
      const client = anonymous('address 192.0.2.1')
      const last = [shared.take(client), shared.take(client), shared.take(client)].at(-1)
      last?.giveBack()
      assert.is(taken(client, 5), 1)
      nextDay()
      last?.giveBack()
      assert.is(taken(client, 5), 3)
    })
  },
)
