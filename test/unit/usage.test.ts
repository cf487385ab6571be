import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { PackageName } from '../../src/composer/names.ts'
import { eventDataSizeBytesMax } from '../../src/events/types.ts'
import { createUsage } from '../../src/telemetry/usage.ts'
import { createClock } from '../support/clock.ts'
import { createRecordingLog } from '../support/recording-log.ts'
import { describe } from '../support/suite.ts'

async function open() {
  const { log, appends, state } = createRecordingLog()
  const clock = createClock('2026-06-01T23:59:00Z')
  const usage = createUsage({ now: clock.now, logger: pino({ level: 'silent' }) })
  async function recorded() {
    await usage.flush(log)
    const events = appends.splice(0).flatMap((each) => each.events)
    return events.flatMap((event) => (event.type === 'UsageRecorded' ? event.data : []))
  }
  return { usage, clock, state, log, appends, recorded }
}

const request = {
  method: 'GET',
  route: '/p2/:vendor/:file',
  surface: 'composer',
  status: 200,
  durationMs: 1.5,
  bytes: 100,
} as const

const call = {
  method: 'GET',
  host: 'repo.packagist.org',
  path: '/p2/acme/log.json',
  status: 200,
  reason: undefined,
  durationMs: 20,
  bytes: 50,
} as const

function asked(name: string) {
  return { kind: 'metadata', result: 'hit', packageName: PackageName.parse(name) } as const
}

describe('usage', open, (test) => {
  test('is recorded in one event, and only if there was any', async ({
    usage,
    clock,
    recorded,
  }) => {
    assert.equal(await recorded(), [])
    usage.requestEnded(request)
    clock.advance(2)
    usage.requestEnded({ ...request, durationMs: 2.5 })
    usage.requestEnded({ ...request, durationMs: 200_000, bytes: 1 })
    usage.cacheUsed(asked('acme/log'))
    usage.cacheUsed({ ...asked('acme/log'), kind: 'archives', result: 'miss' })
    usage.upstreamAsked(call)
    usage.upstreamAsked({ ...call, reason: 'connection' })
    usage.upstreamAsked({ ...call, status: 404 })
    usage.upstreamAsked({ ...call, status: 429 })
    assert.equal(await recorded(), [
      {
        from: '2026-06-01T23:59:00.000000Z',
        to: '2026-06-01T23:59:02.000000Z',
        requests: 3,
        servedBytes: 201,
        metadata: { hit: 1, miss: 0, stale: 0, coalesced: 0, negative: 0 },
        archives: { hit: 0, miss: 1, stale: 0, coalesced: 0, negative: 0 },
        upstream: { requests: 4, bytes: 200, failures: 2 },
        latency: [
          { upToMs: 2, count: 1 },
          { upToMs: 5, count: 1 },
          { upToMs: null, count: 1 },
        ],
        packages: [{ packageName: 'acme/log', metadata: 1, archives: 1 }],
      },
    ])
    assert.equal(await recorded(), [])
  })

  test('is what Composer asked for: not the API, nor what is nowhere', async (rig) => {
    rig.usage.requestEnded({ ...request, surface: 'api', route: '/metrics' })
    rig.usage.requestEnded({ ...request, route: undefined })
    assert.equal(await rig.recorded(), [])
  })

  test('of two days is two events', async ({ usage, clock, recorded }) => {
    usage.requestEnded(request)
    clock.set('2026-06-02T00:00:01Z')
    usage.requestEnded(request)
    usage.requestEnded(request)
    assert.equal(
      (await recorded()).map(({ from, to, requests }) => [
        from.slice(0, 10),
        to.slice(0, 10),
        requests,
      ]),
      [
        ['2026-06-01', '2026-06-01', 1],
        ['2026-06-02', '2026-06-02', 2],
      ],
    )
  })

  test('that could not be recorded is recorded later, under the same id', async (rig) => {
    const { usage, state, log, appends, recorded } = rig
    usage.requestEnded(request)
    state.failing = true
    await usage.flush(log)
    await usage.flush(log)
    state.failing = false
    usage.requestEnded(request)
    await Promise.all([usage.flush(log), usage.flush(log)])
    assert.is(appends.length, 1)
    const ids = appends[0]?.events.map(({ id }) => id) ?? []
    assert.is(new Set(ids).size, 2)
    assert.equal(
      (await recorded()).map(({ requests }) => requests),
      [1, 1],
    )
  })

  test('without a database takes no more and more memory: the oldest goes first', async (rig) => {
    const { usage, state, log, recorded } = rig
    state.failing = true
    for (let minute = 1; minute <= 150; minute++) {
      usage.requestEnded({ ...request, bytes: minute })
      await usage.flush(log)
    }
    state.failing = false
    const sizes = (await recorded()).map(({ servedBytes }) => servedBytes)
    assert.is(sizes.length, 100)
    assert.is(sizes.at(-1), 150)
  })

  test('fits into an event, whatever was asked for, and names what was asked for most', async (rig) => {
    const { usage, recorded } = rig
    const long = (n: number) => `${'v'.repeat(95)}/${'p'.repeat(95)}${n}`
    for (let n = 0; n < 12_000; n++) usage.cacheUsed(asked(long(n)))
    usage.cacheUsed(asked(long(4711)))
    const [data] = await recorded()
    assert.ok(JSON.stringify(data).length < eventDataSizeBytesMax)
    assert.is(data?.metadata.hit, 12_001)
    assert.is(data?.packages.length, 100)
    assert.is(data?.packages[0]?.packageName, long(4711))
  })
})
