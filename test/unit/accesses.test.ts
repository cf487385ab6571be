import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { createAccesses } from '../../src/archives/accesses.ts'
import { eventDataSizeBytesMax, type Sha256 } from '../../src/events/types.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { createClock } from '../support/clock.ts'
import { createRecordingLog } from '../support/recording-log.ts'
import { describe } from '../support/suite.ts'

const blob = (n: number): Sha256 => sha256Of(Buffer.from(`${n}`))

async function open() {
  const { log, appends, state } = createRecordingLog()
  const clock = createClock()
  const accesses = createAccesses({ log, now: clock.now, logger: pino({ level: 'silent' }) })
  const noted = () =>
    appends
      .splice(0)
      .flatMap(({ events }) => events)
      .flatMap((event) => (event.type === 'ArchivesAccessed' ? event.data.accesses : []))
  return { accesses, appends, clock, state, noted }
}

describe('accesses', open, (test) => {
  test('of one blob become one entry with its last instant, its count and its bytes', async (rig) => {
    const { accesses, clock, noted } = rig
    accesses.note(blob(1), 100)
    accesses.note(blob(2), 7)
    clock.advance(3)
    accesses.note(blob(1), 100)
    assert.equal(noted(), [], 'nothing is appended while a request is answered')
    await accesses.flush()
    assert.equal(noted(), [
      { sha256: blob(1), at: clock.now(), count: 2, bytes: 200 },
      { sha256: blob(2), at: '2026-06-01T00:00:00.000000Z', count: 1, bytes: 7 },
    ])
  })

  test('that never were append nothing', async ({ accesses, appends }) => {
    await accesses.flush()
    assert.is(appends.length, 0)
  })

  test('are appended by themselves after a thousand blobs, in events that the log takes', async (rig) => {
    const { accesses, appends } = rig
    for (let n = 0; n < 1000; n++) accesses.note(blob(n), Number.MAX_SAFE_INTEGER)
    await accesses.flush()
    assert.is(appends.length, 1)
    const sizes = appends.flatMap(({ events }) => {
      return events.map(({ data }) => Buffer.byteLength(JSON.stringify(data)))
    })
    assert.ok(Math.max(...sizes) <= eventDataSizeBytesMax, `${Math.max(...sizes)} bytes`)
    assert.is(rig.noted().length, 1000)
  })

  test('of one blob, however many, wait for the regular time', async ({
    accesses,
    appends,
    noted,
  }) => {
    for (let n = 0; n < 5000; n++) accesses.note(blob(1), 10)
    assert.is(appends.length, 0)
    await accesses.flush()
    assert.equal(
      noted().map(({ count, bytes }) => [count, bytes]),
      [[5000, 50_000]],
    )
  })

  test('that can not be appended are dropped, and later ones are not', async (rig) => {
    const { accesses, state, noted } = rig
    accesses.note(blob(1), 1)
    state.failing = true
    await accesses.flush()
    state.failing = false
    accesses.note(blob(2), 1)
    await accesses.flush()
    assert.equal(
      noted().map(({ sha256 }) => sha256),
      [blob(2)],
    )
  })
})
