import { EventEmitter, once } from 'node:events'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { type Job, type Run, startJob } from '../../src/jobs/every.ts'
import { describe, eventually } from '../support/suite.ts'

interface Line {
  readonly level: number
  readonly msg: string
  readonly job: string
}

/** A job whose runs end when the test says so. */
function createRig() {
  const lines: Line[] = []
  const ends = new EventEmitter()
  const runs: Run[] = []
  let underWay = 0
  let most = 0
  const logger = pino({}, { write: (line) => void lines.push(JSON.parse(line) as Line) })
  const job: Job = {
    name: 'test',
    intervalMs: 1,
    random: () => 0.5,
    logger,
    async run(run) {
      runs.push(run)
      underWay += 1
      most = Math.max(most, underWay)
      const [error] = (await once(ends, 'end')) as [Error | undefined]
      underWay -= 1
      if (error !== undefined) throw error
    },
  }
  return { job, lines, runs, end: (error?: Error) => ends.emit('end', error), most: () => most }
}

describe(
  'a job',
  async () => ({}),
  (test) => {
    test('runs at once, again and again, and never twice at a time', async () => {
      const { job, runs, end, most } = createRig()
      const { stop } = startJob(job)
      assert.is(runs.length, 1, 'not only after an interval')
      for (const count of [2, 3, 4]) {
        end()
        await eventually('it runs again', () => runs.length === count)
      }
      const stopped = stop()
      end()
      await stopped
      assert.is(most(), 1)
      assert.is(runs.length, 4)
    })

    test('that fails is logged once and run again', async () => {
      const { job, lines, runs, end } = createRig()
      const { stop } = startJob(job)
      end(new Error('no luck'))
      await eventually('it runs again', () => runs.length === 2)
      assert.equal(
        lines.map(({ level, job: name }) => [level, name]),
        [[50, 'test']],
      )
      const stopped = stop()
      end(new Error('no luck either'))
      await stopped
      assert.is(lines.length, 2)
    })

    test('that is stopped ends its waits, and the run under way is waited for', async () => {
      const { job, runs, end } = createRig()
      const { stop } = startJob({ ...job, intervalMs: 3_600_000 })
      const [run] = runs
      const pause = run?.pause(3_600_000)
      let isStopped = false
      const stopped = stop().then(() => (isStopped = true))
      await pause
      assert.is(run?.signal.aborted, true)
      assert.is(isStopped, false)
      end()
      await stopped
      assert.is(runs.length, 1)
    })

    test('that is stopped between two runs stops at once', async () => {
      const { job, runs, end } = createRig()
      const { stop } = startJob({ ...job, intervalMs: 3_600_000 })
      end()
      await stop()
      assert.is(runs.length, 1)
    })

    for (const [random, leastMs] of [
      [0, 88],
      [0.999, 108],
    ] as const) {
      test(`waits ±10 %: ${leastMs} ms of 100 and a little more`, async () => {
        const { job, runs, end } = createRig()
        const { stop } = startJob({ ...job, intervalMs: 100, random: () => random })
        const begun = performance.now()
        end()
        await eventually('it runs again', () => runs.length === 2)
        const waitedMs = performance.now() - begun
        assert.ok(waitedMs >= leastMs, `${waitedMs} ms`)
        const stopped = stop()
        end()
        await stopped
      })
    }
  },
)
