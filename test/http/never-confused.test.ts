import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts'
import { times } from '../support/long.ts'
import { openPublishing, packageZip, type Publishing } from '../support/publishing.ts'
import { describe, eventually } from '../support/suite.ts'
import { issueToken } from '../support/tokens.ts'

/**
 * Upstream has packages of the reserved vendor `acme`, of other and higher versions; `beta` is its own. Ours
 * have descriptions that say so.
 */
interface World extends Publishing {
  readonly proxy: () => CuttingProxy
  readonly reader: string
}

async function open(): Promise<World> {
  let proxy: CuttingProxy | undefined
  const service = await openPublishing({
    settings: { PROXY_NOTIFY_UPSTREAM: 'true', PROXY_METADATA_TTL: '0', PROXY_FEED_INTERVAL: '60' },
    async databaseThrough(url) {
      proxy = await startCuttingProxy(url)
      return proxy.url
    },
  })
  // What is known of upstream's packages from before isn't served, nor followed, any more.
  for (const name of ['acme/log', 'acme/suite', 'beta/text']) await service.get(`/p2/${name}.json`)
  await service.restart({ PRIVATE_VENDORS: 'acme' })
  const { token } = await issueToken(service, { grants: [{ scope: 'read', vendors: ['acme'] }] })
  return {
    ...service,
    reader: token,
    proxy() {
      if (proxy === undefined) throw new Error('the service does not go through it')
      return proxy
    },
    async close() {
      await service.close()
      await proxy?.close()
    },
  }
}

/** What is ours of `acme`, and what becomes of it: version → reference of its archive. */
type Model = Map<string, Map<string, string>>

/** Longer than anything may wait for here: no fault leaves somebody without an answer. */
const answerMsMax = 30_000

interface Asked {
  readonly status: number
  readonly body: string
}

async function ask(
  { url, reader }: World,
  path: string,
  { isStranger, headers, ...init }: Question & { readonly isStranger: boolean },
): Promise<Asked> {
  const authorization = isStranger ? {} : { authorization: `Bearer ${reader}` }
  const answer = await fetch(url + path, {
    ...init,
    headers: { ...authorization, ...headers },
    signal: AbortSignal.timeout(answerMsMax),
  }).catch((error: unknown) => {
    throw new Error(`${path} is not answered`, { cause: error })
  })
  return { status: answer.status, body: await answer.text() }
}

interface Question {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** Everything that Composer may ask with a name of ours in it. */
function questions(
  name: string,
  model: Model,
): readonly (readonly [path: string, question?: Question])[] {
  const references = [...(model.get(name) ?? [])]
  const downloads = [name, 'beta/text'].map((each) => ({ name: each, version: '1.0.0.0' }))
  return [
    [`/p2/${name}.json`],
    [`/p2/${name}~dev.json`],
    [`/at/2026-05-01/p2/${name}.json`],
    ...references.map(([version, reference]) => {
      return [`/dist-proxy/${name}/${version}.0/${reference}.zip`] as const
    }),
    [`/dist-proxy/${name}/9.9.9.0/${'ab'.repeat(20)}.zip`],
    [`/providers/${name}.json`],
    [`/search.json?q=${encodeURIComponent(name)}`],
    [`/search.json?q=${name.split('/')[0]}+log`],
    [`/packages/list.json?filter=${encodeURIComponent(`${name.split('/')[0]}/*`)}`],
    ['/packages/list.json'],
    [`/api/security-advisories/?packages[]=${name}&packages[]=beta/text`],
    [
      '/api/security-advisories/',
      { method: 'POST', headers: form, body: `packages[0]=${name}&packages[1]=beta/text` },
    ],
    ['/downloads/', { method: 'POST', body: JSON.stringify({ downloads }) }],
    ['/lists/all/summary.json'],
    ['/packages.json'],
  ]
}

/** @param isFaulty whether something fails: then 503 is an answer too, and 404 must be as true as ever. */
function check(
  { status, body }: Asked,
  {
    path,
    model,
    isFaulty,
  }: { readonly path: string; readonly model: Model; readonly isFaulty: boolean },
): void {
  assert.not.match(body, 'Writes lines to files', `${path} has a package of upstream’s`)
  if (isFaulty && status === 503) return
  const [, name] = /^\/(?:p2|dist-proxy)\/(acme\/[a-z]+)/.exec(path) ?? []
  if (name === undefined) return
  const published = model.get(name)
  const isArchive = path.startsWith('/dist-proxy/')
  const isThere = isArchive
    ? [...(published?.values() ?? [])].some((reference) => path.includes(reference))
    : published !== undefined
  assert.is(status, isThere ? 200 : 404, `${path}: ${body}`)
}

/** No request to upstream has a name of ours, wherever it may be written. */
function checkUpstream({ upstream }: World): void {
  for (const { path, body, headers } of upstream.requests) {
    const sent = decodeURIComponent([path, body, JSON.stringify(headers)].join('\n'))
    assert.not.match(sent, /acme/i, `upstream was asked: ${path}`)
  }
}

const name = fc.constantFrom('acme/log', 'acme/suite', 'acme/http')
const version = fc.constantFrom('1.0.0', '1.1.0', '2.0.0')

const steps = {
  publish: fc.record({ kind: fc.constant('publish' as const), name, version }),
  withdraw: fc.record({ kind: fc.constant('withdraw' as const), name, version }),
  follow: fc.record({ kind: fc.constant('follow' as const), name }),
  ask: fc.record({
    kind: fc.constant('ask' as const),
    name,
    question: fc.nat(),
    fault: fc.constantFrom('none', 'upstream', 'database', 'cut'),
    message: fc.integer({ min: 1, max: 8 }),
    isStranger: fc.boolean(),
  }),
}
const step = fc.oneof(
  { weight: 2, arbitrary: steps.publish },
  { weight: 1, arbitrary: steps.withdraw },
  { weight: 1, arbitrary: steps.follow },
  { weight: 6, arbitrary: steps.ask },
)
type Step<Kind extends keyof typeof steps> =
  (typeof steps)[Kind] extends fc.Arbitrary<infer Value> ? Value : never

/** Asks again, as Composer does, while a fault of the database that is over is still felt. */
async function whenMended<Answer extends { readonly status: number }>(
  send: () => Promise<Answer>,
): Promise<Answer> {
  let answer = await send()
  await eventually('the database is found again', async () => {
    if (answer.status !== 503) return true
    answer = await send()
    return false
  })
  return answer
}

async function publish({ put }: World, model: Model, next: Step<'publish'>): Promise<void> {
  const zip = packageZip({ name: next.name, description: 'Ours' }, next.version)
  const answer = await whenMended(async () => await put(`${next.name}/${next.version}`, zip))
  const versions = model.get(next.name) ?? new Map<string, string>()
  model.set(next.name, versions.set(next.version, answer.version.reference))
}

let releases = 0

/** Upstream has new versions, and its feed and lists are read. */
async function follow(world: World, { name: changed }: Step<'follow'>): Promise<void> {
  const { upstream, clock, runJob } = world
  releases += 1
  upstream.publish(changed, `99.${releases}.0`)
  upstream.publish('beta/text', `9.${releases}.0`)
  clock.advance(60)
  for (const job of ['change feed', 'malware lists']) {
    // Like what runs jobs by itself: one that fails, for the connection was lost before, has its next time.
    await eventually(`${job} runs`, async () => {
      await runJob(job)
      return true
    })
  }
}

async function askWithFault(world: World, model: Model, next: Step<'ask'>): Promise<void> {
  const { upstream, withoutDatabase, proxy } = world
  const all = questions(next.name, model)
  const [path, question = {}] = all[next.question % all.length] ?? ['/packages.json']
  const send = async () => await ask(world, path, { ...question, isStranger: next.isStranger })
  const isUpstreams = next.fault === 'upstream'
  const clear = isUpstreams ? upstream.fail({ match: /./, mode: 'reset' }) : () => undefined
  if (next.fault === 'cut') proxy().cutAt(next.message)
  // What is asked of upstream may be refused for longer.
  const isOurs = next.fault === 'none' && /^\/(?:p2|dist-proxy)\//.test(path)
  const sendWell = isOurs ? async () => await whenMended(send) : send
  const answer = next.fault === 'database' ? await withoutDatabase(send) : await sendWell()
  clear()
  proxy().cutAt(Number.POSITIVE_INFINITY)
  if (next.isStranger && answer.status === 401) return
  check(answer, { path, model, isFaulty: next.fault !== 'none' })
}

describe('a reserved vendor', open, (test) => {
  test('is never asked of upstream nor answered by it, whatever fails', async (world) => {
    const model: Model = new Map()
    world.upstream.forget()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 25 }), async (history) => {
        for (const next of history) {
          if (next.kind === 'publish') await publish(world, model, next)
          else if (next.kind === 'withdraw') await world.remove(`${next.name}/${next.version}`)
          else if (next.kind === 'follow') await follow(world, next)
          else await askWithFault(world, model, next)
          checkUpstream(world)
        }
      }),
      { numRuns: times(5, 60), endOnFailure: true },
    )
  })
})
