import { setImmediate as turn } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { type Client, ownWork } from '../../src/access/client.ts'
import type { Askers } from '../../src/request-context.ts'
import { NotAsked } from '../../src/upstream/failures.ts'
import { createSlots } from '../../src/upstream/slots.ts'
import { describe } from '../support/suite.ts'

const alice: Client = { key: 'address 192.0.2.1', hasToken: false }
const bob: Client = { key: 'address 192.0.2.2', hasToken: false }
const carol: Client = { key: 'token 1', hasToken: true }

/** Three slots, of which one client may have two. */
function open({ waitingMax = 100 } = {}) {
  const slots = createSlots({ slotsMax: 3, slotsPerClientMax: 2, waitingMax })
  /** What got a slot, in this order, and how to give it back; and what was refused. */
  const begun: string[] = []
  const refused: string[] = []
  const ends = new Map<string, () => void>()

  function ask(name: string, ...clients: Client[]) {
    const listeners = new Set<() => void>()
    const askers: Askers = {
      clients: () => clients,
      onMore(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
    const aborted = new AbortController()
    const used = slots.use({ signal: aborted.signal, askers }, async () => {
      begun.push(name)
      await new Promise<void>((resolve) => ends.set(name, resolve))
    })
    used.catch((error: unknown) => {
      assert.instance(error, NotAsked)
      refused.push(name)
    })
    return {
      leave: () => aborted.abort(),
      listeners,
      join(client: Client) {
        clients.push(client)
        for (const listener of listeners) listener()
      },
    }
  }
  async function end(name: string) {
    ends.get(name)?.()
    await turn()
  }
  return { ask, begun, refused, end }
}

describe(
  'slots',
  async () => ({}),
  (test) => {
    test('are never all had by one client', async () => {
      const { ask, begun } = open()
      for (const name of ['a1', 'a2', 'a3', 'a4']) ask(name, alice)
      ask('b1', bob)
      await turn()
      assert.equal(begun, ['a1', 'a2', 'b1'])
    })

    test('are given to who has the fewest, and to those with a token before all others', async () => {
      const { ask, begun, end } = open()
      for (const name of ['a1', 'a2', 'a3', 'a4']) ask(name, alice)
      for (const name of ['b1', 'b2', 'b3']) ask(name, bob)
      for (const name of ['c1', 'c2', 'c3']) ask(name, carol)
      await turn()
      assert.equal(begun.splice(0), ['a1', 'a2', 'b1'])
      for (const name of ['a1', 'a2', 'b1']) await end(name)
      assert.equal(begun.splice(0), ['c1', 'c2', 'a3'])
      await end('a3')
      assert.equal(begun.splice(0), ['a4'], 'in the order in which they came')
      await end('a4')
      assert.equal(begun.splice(0), ['b2'])
    })

    test('are given for the sake of whoever wants the same', async () => {
      const { ask, begun, end } = open()
      for (const name of ['a1', 'a2', 'a3']) ask(name, alice)
      const joined = ask('a4', alice)
      await turn()
      assert.equal(begun.splice(0), ['a1', 'a2'])
      joined.join(bob)
      await turn()
      assert.equal(begun.splice(0), ['a4'], 'at once where there is one')
      assert.is(joined.listeners.size, 0)
      await end('a4')
      assert.equal(begun, [], 'and then it is no longer theirs')
    })

    test('are the service’s own too, without a limit', async () => {
      const { ask, begun } = open()
      for (const name of ['1', '2', '3', '4']) ask(name, ownWork)
      await turn()
      assert.equal(begun, ['1', '2', '3'])
    })

    test('that are not waited for any longer are no one’s', async () => {
      const { ask, begun, refused, end } = open()
      for (const name of ['a1', 'a2']) ask(name, alice)
      const gone = ask('a3', alice)
      ask('a4', alice)
      gone.leave()
      await turn()
      assert.equal(refused, ['a3'])
      await end('a1')
      assert.equal(begun, ['a1', 'a2', 'a4'])
    })

    test('have a line whose length one client uses up for itself only', async () => {
      const { ask, begun, refused, end } = open({ waitingMax: 4 })
      for (let n = 1; n <= 20; n++) ask(`a${n}`, alice)
      await turn()
      assert.is(refused.splice(0).length, 14, 'two have slots and four wait')
      for (const name of ['b1', 'b2', 'b3']) ask(name, bob)
      await turn()
      assert.equal(refused.splice(0), ['a6', 'a5'], 'b1 has a slot; the others have their places')
      for (const name of ['c1', 'c2', 'c3', 'c4', 'c5', 'c6']) ask(name, carol)
      await turn()
      assert.equal(refused.splice(0).toSorted(), ['a3', 'a4', 'b2', 'b3', 'c5', 'c6'])
      await end('a1')
      assert.equal(begun, ['a1', 'a2', 'b1', 'c1'])
    })
  },
)
