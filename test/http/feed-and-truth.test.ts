import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { addSeconds, compactInstant, type Instant } from '../../src/time-machine/instant.ts'
import { times } from '../support/long.ts'
import { type Service, startService } from '../support/service.ts'
import { secondOf } from '../support/feed.ts'
import { describe } from '../support/suite.ts'

const names = ['acme/log', 'acme/http', 'beta/text'] as const
const documents = names.flatMap((name) => [`/p2/${name}.json`, `/p2/${name}~dev.json`])

/** What happens: upstream, to a client, or in the feed's job, which may find upstream in trouble. */
const move = fc.record({
  what: fc.constantFrom(
    ...(['publish', 'push', 'withdraw', 'delete', 'touch'] as const),
    ...(['get', 'get', 'poll', 'poll', 'poll without feed', 'poll behind', 'outage'] as const),
  ),
  name: fc.constantFrom(...names),
  branches: fc.boolean(),
  afterSeconds: fc.constantFrom(0, 1, 30, 61, 1000, 4000, 90_000),
})
type Move = typeof move extends fc.Arbitrary<infer Value> ? Value : never

interface World {
  readonly service: Service
  readonly isDeleted: Set<string>
  /** When the feed was read last. */
  readAt: Instant | undefined
  moves: number
}

async function play(world: World, next: Move): Promise<void> {
  const { service } = world
  const { upstream, clock, get, runJob } = service
  const { what, name, branches, afterSeconds } = next
  clock.advance(afterSeconds)
  upstream.at(secondOf(clock.now()))
  world.moves += 1
  happenUpstream(world, next)
  clock.set(upstream.now())
  const fault = faultFor(world, what)
  const clear = fault === undefined ? () => {} : upstream.fail(fault)
  if (what === 'get' || what === 'outage') await get(`/p2/${name}${branches ? '~dev' : ''}.json`)
  if (what.startsWith('poll')) await runJob('change feed')
  clear()
  if (what === 'poll') world.readAt = clock.now()
}

function happenUpstream(
  { service, isDeleted, moves }: World,
  { what, name, branches }: Move,
): void {
  const { upstream } = service
  const isGone = isDeleted.has(name)
  const happenings: Partial<Record<Move['what'], () => unknown>> = {
    publish: () => upstream.publish(name, `7.${moves}.0`),
    push: () => isGone || upstream.pushCommit(name, 'main'),
    withdraw: () => isGone || upstream.withdraw(name, `7.${moves - 1}.0`),
    touch: () => isGone || upstream.touch(branches ? `${name}~dev` : name),
    delete: () => upstream.deletePackage(name),
  }
  happenings[what]?.()
  if (what === 'delete') isDeleted.add(name)
  // It is back, and with both of its documents.
  if (what === 'publish' && isDeleted.delete(name)) upstream.pushCommit(name, 'main')
}

function faultFor({ service, readAt }: World, what: Move['what']) {
  if (what === 'outage') return { match: /./, mode: 'reset' as const }
  if (what === 'poll without feed') return { match: /changes/, mode: 'garbage-json' as const }
  // What an edge server confirms when nobody knows better counts: so only while the feed knows better.
  const knows = readAt !== undefined && service.clock.now() < addSeconds(readAt, 80_000)
  if (what !== 'poll behind' || !knows) return undefined
  return { match: /^\/p2\//, mode: 'outdated' as const, behindSeconds: 40, times: 3 }
}

/** What upstream had, or has. */
async function truth({ upstream, clock }: Service, path: string, at: Instant): Promise<string> {
  upstream.at(secondOf(at))
  const answer = await fetch(upstream.url + path)
  upstream.at(secondOf(clock.now()))
  return answer.status === 200 ? await answer.text() : `${answer.status}`
}

describe(
  'the feed and the truth',
  async () => await startService({ settings: { PROXY_FEED_INTERVAL: '60' } }),
  (test) => {
    test('after a page, all that is known is as upstream has it; and what is called exact was so', async (service) => {
      const world: World = { service, isDeleted: new Set(), readAt: undefined, moves: 0 }
      const instants = new Set<Instant>()
      let [exact, others, current] = [0, 0, 0]
      const seen = new Set<string>()
      await fc.assert(
        fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 15 }), async (history) => {
          const { clock, get, runJob } = service
          for (const each of history) {
            await play(world, each)
            instants.add(clock.now())
            instants.add(addSeconds(clock.now(), -1))
          }
          // Some more: a server that was behind is asked again by later steps, and so is what a
          // resync found to be missing, before it is believed.
          for (let minutes = 0; minutes < 40; minutes++) {
            clock.advance(60)
            service.upstream.at(secondOf(clock.now()))
            await runJob('change feed')
          }
          world.readAt = clock.now()
          for (const path of documents) {
            const { statusCode, body } = await get(path)
            const ours = statusCode === 200 ? body.toString() : `${statusCode}`
            assert.is(ours, await truth(service, path, clock.now()), path)
            seen.add(ours)
            current += 1
          }
          clock.advance(120) // settled
          for (const at of instants) {
            for (const path of documents) {
              const { headers, body } = await get(`/at/${compactInstant(at)}${path}`)
              const isExact = String(headers['x-time-machine']).startsWith('exact')
              if (isExact) exact += 1
              else others += 1
              if (!isExact) continue
              const had = await truth(service, path, at)
              assert.is(body.toString(), had, `${path} at ${at}`)
            }
          }
          for (const at of [...instants].slice(0, -20)) instants.delete(at)
        }),
        { numRuns: times(4, 30), endOnFailure: true },
      )
      assert.ok(exact > times(40, 100), `${exact} exact answers were compared`)
      assert.ok(others > times(10, 30), `${others} others`)
      assert.ok(seen.size > times(1, 4), `${current} present answers, ${seen.size} different ones`)
    })
  },
)
