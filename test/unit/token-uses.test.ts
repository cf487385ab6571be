import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { createTokenUses } from '../../src/access/token-uses.ts'
import { eventDataSizeBytesMax } from '../../src/events/types.ts'
import { createClock } from '../support/clock.ts'
import { createRecordingLog } from '../support/recording-log.ts'
import { describe } from '../support/suite.ts'

async function open() {
  const { log, appends, state } = createRecordingLog()
  const clock = createClock()
  const uses = createTokenUses({ now: clock.now, logger: pino({ level: 'silent' }) })
  async function recorded() {
    await uses.flush(log)
    const events = appends.splice(0).flatMap((each) => each.events)
    return events.flatMap((event) => (event.type === 'TokensUsed' ? event.data.uses : []))
  }
  return { uses, log, appends, state, clock, recorded }
}

const [one, other] = [randomUUID(), randomUUID()]

describe('uses of tokens', open, (test) => {
  test('of one token become one entry with its last instant and its count', async (rig) => {
    const { uses, clock, appends, recorded } = rig
    uses.note(one)
    uses.note(other)
    clock.advance(3)
    uses.note(one)
    assert.equal(appends, [], 'nothing is appended while a request is answered')
    assert.equal(await recorded(), [
      { tokenId: one, at: clock.now(), count: 2 },
      { tokenId: other, at: '2026-06-01T00:00:00.000000Z', count: 1 },
    ])
    assert.equal(await recorded(), [])
  })

  test('that could not be appended are appended later, in the same events', async (rig) => {
    const { uses, log, state, appends } = rig
    uses.note(one)
    state.failing = true
    await uses.flush(log)
    await uses.flush(log)
    state.failing = false
    uses.note(other)
    await Promise.all([uses.flush(log), uses.flush(log)])
    assert.is(appends.length, 1)
    assert.is(new Set(appends.splice(0)[0]?.events.map(({ id }) => id)).size, 2)
  })

  test('fit into events, however many tokens there are', async ({ uses, log, appends }) => {
    for (let n = 0; n < 10_500; n++) uses.note(randomUUID())
    await uses.flush(log)
    const sizes = appends.flatMap(({ events }) => {
      return events.map(({ data }) => Buffer.byteLength(JSON.stringify(data)))
    })
    appends.splice(0)
    assert.is(sizes.length, 25, 'of ten thousand in a minute')
    assert.ok(Math.max(...sizes) <= eventDataSizeBytesMax, `${Math.max(...sizes)} bytes`)
  })

  test('without a database take no more and more memory: the oldest go first', async (rig) => {
    const { uses, log, state, clock, recorded } = rig
    state.failing = true
    for (let minute = 1; minute <= 150; minute++) {
      clock.advance(60)
      uses.note(one)
      await uses.flush(log)
    }
    state.failing = false
    const kept = await recorded()
    assert.is(kept.length, 100)
    assert.is(kept.at(-1)?.at, clock.now())
  })
})
