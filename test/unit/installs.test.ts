import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { PackageName } from '../../src/composer/names.ts'
import { createInstalls } from '../../src/private/installs.ts'
import { createClock } from '../support/clock.ts'
import { createRecordingLog } from '../support/recording-log.ts'
import { describe } from '../support/suite.ts'

const packageName = PackageName.parse('acme/log')
const anonymous = (address: string) => ({
  principal: { kind: 'anonymous' as const },
  client: { key: `address ${address}`, hasToken: false },
})
const holder = {
  principal: { kind: 'token' as const, id: 'one', name: 'one', grants: [] },
  client: { key: 'token one', hasToken: true },
}

/** Of `count` versions that all were named. */
function versions(count: number, from = 0) {
  return Array.from({ length: count }, (_, index) => {
    return { packageName, versionNormalized: `1.0.${from + index}.0` }
  })
}

function open() {
  const clock = createClock()
  const { log, appends, state } = createRecordingLog()
  const installs = createInstalls({
    reservedNames: async () => ({ has: () => false, patterns: [] }),
    namedAmong: async (asked) => asked,
    passOn: undefined,
    now: clock.now,
    logger: pino({ level: 'silent' }),
  })
  /** By actor, how many were recorded since the last time. */
  async function flush(isLast = false): Promise<Readonly<Record<string, number>>> {
    const before = appends.length
    await installs.flush(log, isLast)
    const recorded: Record<string, number> = {}
    for (const { type, data } of appends.slice(before).flatMap(({ events }) => events)) {
      if (type !== 'PackagesInstalled') continue
      for (const { actor } of data.installs) recorded[actor] = (recorded[actor] ?? 0) + 1
    }
    return recorded
  }
  return { clock, installs, flush, state }
}

describe(
  'installs that are reported',
  async () => ({}),
  (test) => {
    test('of those with a token are recorded, however many others report', async () => {
      const { installs, flush } = open()
      for (let host = 0; host < 4; host++) {
        await installs.note(versions(5_000, host * 5_000), anonymous(`192.0.2.${host}`))
      }
      await installs.note(versions(300), holder)
      const { anonymous: others = 0, ...holders } = await flush()
      assert.equal(holders, { 'token one': 300 })
      assert.ok(others > 4_000 && others <= 5_000)
    })

    test('of one client without a token leave room for those of others', async () => {
      const { clock, installs, flush } = open()
      await installs.note(versions(5_200), anonymous('192.0.2.1'))
      await installs.note(versions(500, 5_200), anonymous('192.0.2.2'))
      assert.equal(await flush(), { anonymous: 2_500 + 500 })
      clock.advance(60)
      await installs.note(versions(5_200), anonymous('192.0.2.1'))
      assert.equal(
        await flush(),
        { anonymous: 2_500 },
        'what fills a share does not wait for the hour',
      )
      await installs.note(versions(10, 6_000), anonymous('192.0.2.1'))
      assert.equal(await flush(), { anonymous: 10 })
    })

    test('are recorded up to the share that a client has of the day', async () => {
      const { clock, installs, flush } = open()
      let recorded = 0
      for (let minute = 0; minute < 10; minute++) {
        await installs.note(versions(5_000, minute * 5_000), anonymous('192.0.2.1'))
        recorded += (await flush())['anonymous'] ?? 0
      }
      assert.is(recorded, 20_000)
      await installs.note(versions(10), anonymous('192.0.2.2'))
      assert.equal(await flush(), { anonymous: 10 }, 'another client has its own')
      clock.advance(86_400)
      await installs.note(versions(10), anonymous('192.0.2.1'))
      assert.equal(await flush(), { anonymous: 10 })
    })

    test('are recorded up to a limit for all without a token', async () => {
      const { installs, flush } = open()
      let recorded = 0
      for (let host = 0; host < 60; host++) {
        await installs.note(versions(5_000, host * 5_000), anonymous(`192.0.2.${host}`))
        recorded += (await flush())['anonymous'] ?? 0
      }
      assert.is(recorded, 100_000)
      await installs.note(versions(300), holder)
      assert.equal(await flush(), { 'token one': 300 })
    })

    test('again within the hour are counted, and recorded once more', async () => {
      const { clock, installs, flush } = open()
      await installs.note(versions(3), holder)
      assert.equal(await flush(), { 'token one': 3 })
      for (let minute = 1; minute < 60; minute++) {
        clock.advance(60)
        await installs.note(versions(3), holder)
        assert.equal(await flush(), {})
      }
      clock.advance(60)
      assert.equal(await flush(), { 'token one': 3 })
      await installs.note(versions(3), holder)
      assert.equal(await flush(), {})
      assert.equal(await flush(true), { 'token one': 3 }, 'at the end nothing is left')
    })

    test('are known to be unrecorded since the first of them, also while the log takes none', async () => {
      const { clock, installs, flush, state } = open()
      assert.is(installs.unrecordedSince(), undefined)
      const first = clock.now()
      await installs.note(versions(3), holder)
      clock.advance(10)
      await installs.note(versions(3), holder)
      assert.is(installs.unrecordedSince(), first)
      state.failing = true
      await flush()
      clock.advance(10)
      await installs.note(versions(4), holder)
      assert.is(installs.unrecordedSince(), first)
      state.failing = false
      await flush(true)
      assert.is(installs.unrecordedSince(), undefined)
      const later = clock.now()
      await installs.note(versions(3), holder)
      await flush()
      assert.is(installs.unrecordedSince(), later, 'what waits for the hour')
    })
  },
)
