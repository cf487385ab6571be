import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { type Breaker, createBreaker, type Passage } from '../../src/upstream/breaker.ts'
import { describe } from '../support/suite.ts'

interface Rig {
  readonly breaker: Breaker
  readonly advance: (ms: number) => void
  readonly fail: (times: number) => void
  /** Waits for as long as it is told to, and begins. */
  readonly probe: () => Passage
}

const begunAtMs = Date.parse('2026-06-01T00:00:00Z')

function rig(random: () => number = () => 0): Rig {
  let nowMs = begunAtMs
  const breaker = createBreaker({ now: () => nowMs, random })
  return {
    breaker,
    advance: (ms) => void (nowMs += ms),
    fail(times) {
      for (let time = 0; time < times; time++) breaker.begin().failed('connection')
    },
    probe() {
      nowMs += breaker.waitMs() ?? 0
      return breaker.begin()
    },
  }
}

interface World extends Rig {
  readonly underWay: Passage[]
}

type Step = (world: World) => void

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.constant<Step>(({ breaker, underWay }) => {
    if (breaker.waitMs() !== undefined) return
    const wasOpen = breaker.state().state === 'open'
    underWay.push(breaker.begin())
    assert.is(breaker.waitMs(), wasOpen ? 1000 : undefined)
  }),
  fc.nat(5000).map<Step>(
    (ms) =>
      ({ advance }) =>
        advance(ms),
  ),
  fc.nat(9).map<Step>(
    (which) =>
      ({ underWay }) =>
        underWay[which]?.answered(),
  ),
  fc.tuple(fc.nat(9), fc.constantFrom('succeeded', 'failed')).map<Step>(
    ([which, end]) =>
      ({ underWay }) =>
        underWay.splice(which, 1)[0]?.[end]('status'),
  ),
  fc.tuple(fc.nat(9), fc.nat(60_000)).map<Step>(
    ([which, ms]) =>
      ({ underWay }) =>
        underWay.splice(which, 1)[0]?.toldToWait(ms),
  ),
)

describe(
  'a breaker',
  async () => ({}),
  (test) => {
    test('opens at the fifth failure in a row, and not before', () => {
      const { breaker, fail } = rig()
      fail(4)
      assert.is(breaker.waitMs(), undefined)
      fail(1)
      assert.is(breaker.waitMs(), 1000)
    })

    test('counts failures in a row only: one success forgets them', () => {
      const { breaker, fail } = rig()
      for (let round = 0; round < 10; round++) {
        fail(4)
        breaker.begin().succeeded()
      }
      assert.is(breaker.waitMs(), undefined)
      assert.is(breaker.state().consecutiveFailures, 0)
    })

    test('lets exactly one request through after the pause, and closes when it succeeds', () => {
      const { breaker, fail, advance } = rig()
      fail(5)
      advance(999)
      assert.is(breaker.waitMs(), 1)
      advance(1)
      assert.is(breaker.waitMs(), undefined)
      const probe = breaker.begin()
      assert.is(breaker.state().state, 'half_open')
      assert.is(breaker.waitMs(), 1000, 'the next one waits')
      assert.throws(() => breaker.begin(), /told to wait/)
      probe.succeeded()
      assert.is(breaker.waitMs(), undefined)
      assert.is(breaker.state().state, 'closed')
      fail(4)
      assert.is(breaker.waitMs(), undefined, 'it starts to count anew')
    })

    test('stays open twice as long after each probe that fails, up to a minute', () => {
      const { breaker, fail, probe } = rig()
      fail(5)
      const pauses = Array.from({ length: 9 }, () => {
        const pauseMs = breaker.waitMs()
        probe().failed('connection')
        return pauseMs
      })
      assert.equal(
        pauses,
        [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1000),
      )
      probe().succeeded()
      fail(5)
      assert.is(breaker.waitMs(), 1000, 'and begins with a second again')
    })

    test('pauses by chance up to a quarter less, never more', () => {
      for (const chance of [0, 0.25, 0.5, 0.999_999]) {
        const { breaker, fail, probe } = rig(() => chance)
        fail(5)
        for (const wholeMs of [1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1000)) {
          const pauseMs = breaker.waitMs() ?? 0
          assert.ok(pauseMs <= wholeMs && pauseMs > wholeMs * 0.75 - 1, `${pauseMs} of ${wholeMs}`)
          assert.is(Math.abs(pauseMs - wholeMs * (1 - chance / 4)) < 0.01, true)
          probe().failed('connection')
        }
      }
    })

    test('lets others through once the answer to the probe has begun', () => {
      const { breaker, fail, probe } = rig()
      fail(5)
      const first = probe()
      first.answered()
      assert.is(breaker.waitMs(), undefined)
      first.failed('connection')
      assert.is(breaker.waitMs(), 2000, 'but closes the way again when the rest does not come')
    })

    test('does not listen to requests that began before it opened', () => {
      const { breaker, fail } = rig()
      const early = [breaker.begin(), breaker.begin(), breaker.begin()]
      fail(5)
      early[0]?.succeeded()
      assert.is(breaker.waitMs(), 1000, 'upstream was well when that was asked')
      early[1]?.failed('connection')
      early[2]?.answered()
      assert.is(breaker.waitMs(), 1000)
      assert.is(breaker.state().consecutiveFailures, 5)
    })

    test('opens at once, for as long as upstream says', () => {
      const { breaker, advance, probe } = rig()
      const [first, shorter, longer] = [breaker.begin(), breaker.begin(), breaker.begin()]
      first.toldToWait(30_000)
      assert.is(breaker.waitMs(), 30_000)
      shorter.toldToWait(1_000)
      assert.is(breaker.waitMs(), 30_000, 'a shorter time does not shorten it')
      advance(10_000)
      longer.toldToWait(60_000)
      assert.is(breaker.waitMs(), 60_000, 'a longer time, also of an early request, does extend it')
      probe().toldToWait(60_000)
      assert.is(breaker.waitMs(), 60_000, 'one request in each window')
      probe().succeeded()
      assert.is(breaker.waitMs(), undefined)
    })

    test('is not kept open by a clock that was set back', () => {
      const { breaker, fail, advance } = rig()
      fail(5)
      advance(-86_400_000)
      assert.is(breaker.waitMs(), undefined)
      breaker.begin().failed('connection')
      assert.is(breaker.waitMs(), 2000)
    })

    test('tells its state', () => {
      const { breaker, fail, advance, probe } = rig()
      assert.equal(breaker.state(), { state: 'closed', consecutiveFailures: 0 })
      breaker.begin().succeeded()
      advance(5)
      fail(5)
      assert.equal(breaker.state(), {
        state: 'open',
        openUntilMs: begunAtMs + 1005,
        consecutiveFailures: 5,
        lastSuccessAtMs: begunAtMs,
        lastFailureAtMs: begunAtMs + 5,
        lastError: 'connection',
      })
      const last = probe()
      assert.equal(breaker.state(), {
        state: 'half_open',
        consecutiveFailures: 5,
        lastSuccessAtMs: begunAtMs,
        lastFailureAtMs: begunAtMs + 5,
        lastError: 'connection',
      })
      last.succeeded()
      assert.equal(breaker.state(), {
        state: 'closed',
        consecutiveFailures: 0,
        lastSuccessAtMs: begunAtMs + 1005,
        lastFailureAtMs: begunAtMs + 5,
        lastError: 'connection',
      })
    })

    test('whatever happens: one probe at a time, and never a wait without an end', () => {
      const property = fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const world: World = { ...rig(), underWay: [] }
        for (const step of steps) {
          step(world)
          const waitMs = world.breaker.waitMs() ?? 0
          assert.ok(waitMs >= 0 && waitMs <= 60_000, `${waitMs} ms`)
        }
        for (const passage of world.underWay) passage.failed('connection')
        assert.is.not(world.breaker.state().state, 'half_open', 'every probe has ended')
        world.advance(world.breaker.waitMs() ?? 0)
        assert.is(world.breaker.waitMs(), undefined)
      })
      fc.assert(property, { numRuns: 300, seed: 1 })
    })
  },
)
