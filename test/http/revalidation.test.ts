import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { addSeconds, compactInstant } from '../../src/time-machine/instant.ts'
import { times } from '../support/long.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const name = 'acme/log'
const move = fc.record({
  change: fc.constantFrom(
    ...(['publish', 'publish', 'withdraw', 'push', 'freeze', 'freeze then'] as const),
    ...(['unfreeze', 'unfreeze', 'block', 'block', 'unblock', 'unblock'] as const),
    ...(['flag', 'clear'] as const),
  ),
  /** Several within a second, too. */
  afterSeconds: fc.constantFrom(0, 0.1, 1, 9, 10, 70),
  /** When upstream says that it changed, as far back as so many seconds. */
  backSeconds: fc.constantFrom(0, 1, 10, 60),
  /** For how many days back a freeze is. */
  daysBack: fc.integer({ min: 0, max: 400 }),
  asks: fc.boolean(),
})
type Move = typeof move extends fc.Arbitrary<infer Value> ? Value : never

async function play(service: Service, step: Move, n: number): Promise<void> {
  const { upstream, clock } = service
  clock.advance(step.afterSeconds)
  // Its clock isn't ours, and never goes back.
  const now = `${addSeconds(clock.now(), -step.backSeconds).slice(0, 19)}Z`
  if (now > upstream.now()) upstream.at(now)
  await changeUpstream(service, step, n)
  await decide(service, step, n)
}

async function changeUpstream(service: Service, { change }: Move, n: number): Promise<void> {
  const { upstream, runJob } = service
  if (change === 'publish') upstream.publish(name, `7.${n}.0`)
  if (change === 'withdraw') upstream.withdraw(name, `7.${n - 1}.0`)
  if (change === 'push') upstream.pushCommit(name, 'main')
  if (change === 'flag') upstream.flagMalware(name, `7.${n - 2}.0|1.0.1`)
  if (change === 'clear') upstream.clearMalware(name)
  if (change === 'flag' || change === 'clear') await runJob('malware lists')
}

async function decide({ clock, api }: Service, step: Move, n: number): Promise<void> {
  const { change, daysBack } = step
  const at = addSeconds(clock.now(), -daysBack * 86_400)
  const constraint = ['1.0.0', '^2.0', '^7.0', 'dev-main'][n % 4]
  const ask = async (verb: string, json: object) =>
    await api('POST', `/api/v1/proxy/${verb}`, { json })
  if (change === 'freeze') await ask(`freeze/${name}`, {})
  if (change === 'freeze then') await ask(`freeze/${name}`, { at })
  if (change === 'unfreeze') await ask(`unfreeze/${name}`, {})
  if (change === 'block' || change === 'unblock') await ask(change, { package: name, constraint })
}

/** What clients that asked once have of a URL: bytes by the date that they go by. */
type Copies = Map<string, string>

/** Whoever asks with a date that was ever given ends with what one who knows nothing gets. */
async function compare({ get }: Service, path: string, copies: Copies): Promise<void> {
  const fresh = await get(path)
  assert.is(fresh.statusCode, 200, path)
  const body = fresh.body.toString()
  const date = fresh.headers['last-modified']
  if (date !== undefined && copies.has(date)) {
    assert.is(copies.get(date), body, `${path} had other bytes on ${date}`)
  }
  if (date !== undefined) copies.set(date, body)
  const [oldest] = copies.keys()
  for (const known of new Set([date, oldest])) {
    if (known === undefined) continue
    const answer = await get(path, { 'if-modified-since': known })
    const has = answer.statusCode === 304 ? copies.get(known) : answer.body.toString()
    assert.is(has, body, `${path} with ${known}`)
  }
}

const open = async () => await startService({ settings: { PROXY_METADATA_TTL: '0' } })

describe('whoever revalidates by date', open, (test) => {
  test('has what upstream and operators say now, whatever happened', async (service) => {
    const { clock } = service
    const copies = new Map<string, Copies>()
    const pin = compactInstant(addSeconds(clock.now(), -300 * 86_400))
    const recent = compactInstant(clock.now())
    const paths = [`/p2/${name}.json`, `/p2/${name}~dev.json`]
    paths.push(...[pin, recent].map((at) => `/at/${at}/p2/${name}.json`))
    let moves = 0
    async function compareAll(): Promise<void> {
      for (const path of paths) {
        const known = copies.get(path) ?? new Map<string, string>()
        copies.set(path, known)
        await compare(service, path, known)
      }
    }
    await fc.assert(
      fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 15 }), async (steps) => {
        await service.api('POST', `/api/v1/proxy/unfreeze/${name}`)
        for (const step of steps) {
          moves += 1
          await play(service, step, moves)
          if (step.asks) await compareAll()
        }
        await compareAll()
      }),
      { numRuns: times(3, 18), endOnFailure: true },
    )
    const given = [...copies.values()].reduce((sum, { size }) => sum + size, 0)
    assert.ok(given > 4, `${given} dates were given`)
  })
})
