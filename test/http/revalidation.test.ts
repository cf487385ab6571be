import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { addSeconds, compactInstant } from '../../src/time-machine/instant.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const name = 'acme/log'
const move = fc.record({
  change: fc.constantFrom(
    ...(['publish', 'publish', 'withdraw', 'push', 'freeze', 'freeze then'] as const),
    ...(['unfreeze', 'unfreeze', 'block', 'block', 'unblock', 'unblock'] as const),
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
  const { upstream, clock, api } = service
  const { change, afterSeconds, backSeconds, daysBack } = step
  clock.advance(afterSeconds)
  // Its clock isn't ours, and never goes back.
  const now = `${addSeconds(clock.now(), -backSeconds).slice(0, 19)}Z`
  if (now > upstream.now()) upstream.at(now)
  if (change === 'publish') upstream.publish(name, `7.${n}.0`)
  if (change === 'withdraw') upstream.withdraw(name, `7.${n - 1}.0`)
  if (change === 'push') upstream.pushCommit(name, 'main')
  if (change === 'freeze') await api('POST', `/api/v1/proxy/freeze/${name}`)
  if (change === 'freeze then') {
    const at = addSeconds(clock.now(), -daysBack * 86_400)
    await api('POST', `/api/v1/proxy/freeze/${name}`, { json: { at } })
  }
  if (change === 'unfreeze') await api('POST', `/api/v1/proxy/unfreeze/${name}`)
  if (change === 'block' || change === 'unblock') {
    const json = { package: name, constraint: ['1.0.0', '^2.0', '^7.0', 'dev-main'][n % 4] }
    await api('POST', `/api/v1/proxy/${change}`, { json })
  }
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
        for (const step of steps) {
          moves += 1
          await play(service, step, moves)
          if (step.asks) await compareAll()
        }
        await compareAll()
      }),
      { numRuns: 12, endOnFailure: true },
    )
    const known = copies.get(`/p2/${name}.json`)
    assert.ok(known !== undefined && known.size > 10, `${known?.size} dates were given`)
  })
})
