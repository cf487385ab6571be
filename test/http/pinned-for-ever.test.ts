import { times } from '../support/long.ts'
import { sourcesOf } from '../support/sources.ts'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { projections } from '../../projections/index.ts'
import { rebuild } from '../../src/projector/rebuild.ts'
import { createSnapshotStore } from '../../src/snapshots/store.ts'
import { addSeconds, compactInstant } from '../../src/time-machine/instant.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const names = ['acme/log', 'acme/http', 'beta/text', 'beta/edge'] as const
const move = fc.record({
  name: fc.constantFrom(...names),
  branches: fc.boolean(),
  change: fc.constantFrom(
    ...(['publish', 'withdraw', 'push', 'delete', 'touch', 'nothing'] as const),
    ...(['outage', 'deny'] as const),
    ...(['freeze', 'unfreeze', 'advise', 'retract', 'abandon'] as const),
  ),
  afterSeconds: fc.constantFrom(10, 1800, 4000),
})
type Move = typeof move extends fc.Arbitrary<infer Value> ? Value : never

async function play(service: Service, step: Move, n: number): Promise<void> {
  const { upstream, clock, get } = service
  const { name, branches, afterSeconds } = step
  clock.advance(afterSeconds)
  upstream.at(`${clock.now().slice(0, 19)}Z`)
  const clear = failing(service, step)
  changeUpstream(service, step, n)
  await decide(service, step)
  await get(`/p2/${name}${branches ? '~dev' : ''}.json`)
  clear?.()
}

/** Upstream is down, or the server of it that answers has lost its files: to some it is the first that is ever asked. */
function failing({ upstream }: Service, { change }: Move): (() => void) | undefined {
  if (change === 'outage') return upstream.fail({ match: /./, mode: 'reset' })
  if (change === 'deny') return upstream.fail({ match: /^\/p2\//, mode: 'status', status: 404 })
  return undefined
}

function changeUpstream({ upstream }: Service, { name, change }: Move, n: number): void {
  if (change === 'publish') upstream.publish(name, `7.${n}.0`)
  if (change === 'withdraw') upstream.withdraw(name, `7.${n - 1}.0`)
  if (change === 'push') upstream.pushCommit(name, 'main')
  if (change === 'delete') upstream.deletePackage(name)
  if (change === 'touch') upstream.touch(name)
  if (change === 'abandon') upstream.abandon(name, `acme/number-${n}`)
  if (change === 'retract') upstream.retract(name, 'PKSA-acme-log0-0001')
  if (change === 'advise') upstream.advise(name, advisory(n))
}

/** Some were reported before they were told of. */
function advisory(n: number): Parameters<Service['upstream']['advise']>[1] {
  const said = {
    advisoryId: `A-${n}`,
    title: 'Bad',
    affectedVersions: '<7',
    severity: 'low',
  } as const
  return n % 2 === 0 ? said : { ...said, reportedAt: '2025-01-01T00:00:00Z' }
}

async function decide({ api }: Service, { name, change, branches }: Move): Promise<void> {
  if (change !== 'freeze' && change !== 'unfreeze') return
  const json = change === 'freeze' && branches ? { at: '2026-01-01' } : {}
  await api('POST', `/api/v1/proxy/${change}/${name}`, { json })
}

describe(
  'pinned URLs for ever',
  async () => await startService({ at: '2026-03-01T00:00:00Z' }),
  (test) => {
    test('give the same bytes after later events, a rebuild and a restart', async (service) => {
      const { get, clock, database, log: eventLog } = service
      const recorded = new Map<string, string>()
      /** undefined: there was no such document then. That isn't for ever: a later document can disprove it. */
      async function ask(path: string): Promise<string | undefined> {
        const { statusCode, headers, body } = await get(path)
        if (statusCode === 404) return undefined
        return JSON.stringify([statusCode, headers['last-modified'], body.toString()])
      }
      async function record(path: string): Promise<void> {
        const answer = await ask(path)
        if (answer !== undefined) recorded.set(path, answer)
      }
      let moves = 0
      await fc.assert(
        fc.asyncProperty(fc.array(move, { minLength: 3, maxLength: 10 }), async (history) => {
          const pins = [addSeconds(clock.now(), -90 * 86_400)]
          for (const each of history) {
            moves += 1
            await play(service, each, moves)
            pins.push(clock.now())
          }
          clock.advance(120) // settled
          for (const pin of pins) {
            const paths = names.flatMap((name) => [`p2/${name}.json`, `p2/${name}~dev.json`])
            for (const path of ['packages.json', ...paths]) {
              const pinned = `/at/${compactInstant(pin)}/${path}`
              if (!recorded.has(pinned)) await record(pinned)
            }
          }
          const snapshots = createSnapshotStore(database.db)
          for (const projection of projections) {
            const sources = sourcesOf(snapshots.get)
            await rebuild({ db: database.db, log: eventLog, projection, sources })
          }
          await service.restart()
          for (const [path, answer] of recorded) assert.is(await ask(path), answer, path)
        }),
        { numRuns: times(3, 12), endOnFailure: true },
      )
      assert.ok(recorded.size > times(40, 200), `${recorded.size} pinned URLs were compared`)
    })
  },
)
