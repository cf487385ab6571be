import * as assert from 'uvu/assert'
import { type Client, ownWork } from '../../src/access/client.ts'
import {
  type Askers,
  asksAs,
  asRequest,
  currentAskers,
  currentRequestId,
  joinable,
} from '../../src/request-context.ts'
import { createSingleFlight } from '../../src/single-flight.ts'
import { describe } from '../support/suite.ts'

const alice: Client = { key: 'address 192.0.2.1', hasToken: false }
const bob: Client = { key: 'token 1', hasToken: true }

async function as(client: Client, work: () => Promise<void>) {
  await asRequest(`request of ${client.key}`, async () => {
    asksAs(client)
    await work()
  })
}

describe(
  'what runs',
  async () => ({}),
  (test) => {
    test('is the service’s own when no request caused it', async () => {
      assert.equal(currentAskers().clients(), [ownWork])
      assert.is(currentRequestId(), undefined)
    })

    test('is that of the request’s client', async () => {
      await as(alice, async () => {
        await Promise.resolve()
        assert.equal(currentAskers().clients(), [alice])
        assert.is(currentRequestId(), 'request of address 192.0.2.1')
      })
    })

    test('is somebody’s also in a request of which nobody asked whose it is', async () => {
      await asRequest('request', async () => {
        assert.equal(currentAskers().clients(), [{ key: undefined, hasToken: false }])
      })
    })

    test('is that of all who want it while it is under way, which is told', async () => {
      let askers: Askers | undefined
      let told = 0
      let end: (() => void) | undefined
      const fly = createSingleFlight(
        async () => {
          // A part of it that has a flight of its own.
          await joinable(async () => {
            askers = currentAskers()
            askers.onMore(() => (told += 1))
            await new Promise<void>((resolve) => (end = resolve))
          }).outcome
        },
        () => 'the same',
      )
      const flights = [as(alice, async () => await fly('x'))]
      assert.equal(askers?.clients(), [alice])
      flights.push(as(bob, async () => await fly('x')))
      await Promise.resolve()
      assert.equal(new Set(askers?.clients()), new Set([alice, bob]))
      assert.ok(told > 0)
      end?.()
      await Promise.all(flights)
    })

    test('goes on as the service’s own when a request joins it', async () => {
      const flight = joinable(() => currentAskers())
      await as(alice, async () => flight.join())
      assert.equal(flight.outcome.clients(), [alice, ownWork])
    })
  },
)
