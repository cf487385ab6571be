import { pino } from 'pino'
import * as assert from 'uvu/assert'
import type { Condition, ConditionName, Findings } from '../../src/alerts/conditions.ts'
import { createWatch, type OpenCondition } from '../../src/alerts/watch.ts'
import type { AppendResult, EventLog } from '../../src/events/log.ts'
import { addSeconds } from '../../src/time-machine/instant.ts'
import { createClock } from '../support/clock.ts'
import { describe } from '../support/suite.ts'

const disk: Condition = { code: 'disk_nearly_full', subject: 'DATA_DIR', detail: 'It is full.' }
const feed: Condition = { code: 'feed_lagging', subject: 'https://one.example', detail: 'Late.' }

/** A service of a disk, which can be looked at or not, and a feed; of what was appended the types. */
function createRig() {
  const clock = createClock()
  const open: OpenCondition[] = []
  const appended: string[] = []
  let disks: Findings | Error = { holds: [], unknown: [] }
  let feeds: readonly Condition[] = []

  async function append({ events }: Parameters<EventLog['append']>[0]): Promise<AppendResult> {
    for (const { type, data } of events) {
      if (!('subject' in data)) continue
      appended.push(`${type} ${data.code}`)
      const index = open.findIndex(({ code }) => code === data.code)
      if (index !== -1) open.splice(index, 1)
      const { code, subject } = data
      // As the log dates what is recorded right after something else.
      const lastSeenAt = addSeconds(clock.now(), 0.000_001)
      if (type !== 'AlertResolved') open.push({ code, subject, lastSeenAt })
    }
    return { outcome: 'appended', events: [] }
  }
  const watch = createWatch({
    looks: [
      {
        codes: ['disk_nearly_full'],
        async look() {
          if (disks instanceof Error) throw disks
          return disks
        },
      },
      { codes: ['feed_lagging'], look: async () => ({ holds: feeds, unknown: [] }) },
    ],
    openConditions: async () => [...open],
    log: { append, head: async () => 0n } as unknown as EventLog, // the watch needs no more of it
    until: async () => {},
    opensAfterSeconds: (code) => (code === 'disk_nearly_full' ? 0 : 60),
    now: clock.now,
    logger: pino({ level: 'silent' }),
  })
  return {
    open,
    setDisk: (found: Findings | Error) => (disks = found),
    setFeed: (found: readonly Condition[]) => (feeds = found),
    /** What is appended by a look after so many seconds. */
    look: async (afterSeconds = 0): Promise<readonly string[]> => {
      clock.advance(afterSeconds)
      await watch()
      return appended.splice(0)
    },
  }
}

const holds = (condition: Condition): Findings => ({ holds: [condition], unknown: [] })
const unknown = (name: ConditionName): Findings => ({ holds: [], unknown: [name] })
const well: Findings = { holds: [], unknown: [] }

describe(
  'the watch',
  async () => ({}),
  (test) => {
    test('appends what begins, and nothing while it lasts', async () => {
      const { setDisk, look } = createRig()
      assert.equal(await look(), [])
      setDisk(holds(disk))
      assert.equal(await look(15), ['AlertOpened disk_nearly_full'])
      assert.equal(await look(15), [])
      assert.equal(await look(584), [])
      assert.equal(await look(1), ['AlertContinued disk_nearly_full'])
    })

    test('waits for what may pass by itself, anew each time', async () => {
      const { setFeed, look } = createRig()
      setFeed([feed])
      await look()
      assert.equal(await look(59), [])
      setFeed([])
      assert.equal(await look(1), [])
      setFeed([feed])
      assert.equal(await look(1), [])
      assert.equal(await look(59), [])
      assert.equal(await look(1), ['AlertOpened feed_lagging'])
    })

    test('appends the end once it has been over for two minutes without a break', async () => {
      const { setDisk, look } = createRig()
      setDisk(holds(disk))
      await look()
      setDisk(well)
      assert.equal(await look(15), [])
      assert.equal(await look(119), [])
      setDisk(holds(disk))
      assert.equal(await look(1), [])
      setDisk(well)
      await look(1)
      assert.equal(await look(119), [])
      assert.equal(await look(1), ['AlertResolved disk_nearly_full'])
      assert.equal(await look(600), [])
    })

    test('ends nothing of which it knows nothing', async () => {
      const { setDisk, look, open } = createRig()
      setDisk(holds(disk))
      await look()
      for (const found of [unknown(disk), new Error('the disk does not answer')]) {
        setDisk(found)
        await look(15)
        assert.equal(await look(3600), [])
        assert.is(open.length, 1)
      }
      setDisk(well)
      await look(15)
      assert.equal(await look(120), ['AlertResolved disk_nearly_full'])
    })

    test('looks at the others though one look fails', async () => {
      const { setDisk, setFeed, look } = createRig()
      setDisk(new Error('the disk does not answer'))
      setFeed([feed])
      await look()
      assert.equal(await look(60), ['AlertOpened feed_lagging'])
    })
  },
)
