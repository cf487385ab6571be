import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts'
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

interface Asked {
  readonly status: number
  readonly body: string
}

async function ask(
  { url, reader }: World,
  path: string,
  init: RequestInit & { readonly isStranger?: boolean } = {},
): Promise<Asked> {
  const authorization: Record<string, string> =
    init.isStranger === true ? {} : { authorization: `Bearer ${reader}` }
  const answer = await fetch(url + path, {
    ...init,
    headers: { ...authorization, ...init.headers },
  })
  return { status: answer.status, body: await answer.text() }
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** Everything that Composer may ask with a name of ours in it. */
function questions(
  name: string,
  model: Model,
): readonly (readonly [path: string, init?: RequestInit])[] {
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

describe('a reserved vendor', open, (test) => {
  const names = ['acme/log', 'acme/suite', 'acme/http'] as const

  test('is never asked of upstream nor answered by it, whatever fails', async (world) => {
    const { put, remove, upstream, withoutDatabase, runJob } = world
    const model: Model = new Map()
    upstream.forget()
    let release = 0
    const name = fc.constantFrom(...names)
    const version = fc.constantFrom('1.0.0', '1.1.0', '2.0.0')
    const fault = fc.constantFrom('none', 'upstream', 'database', 'cut')
    const step = fc.oneof(
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('publish' as const), name, version }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('withdraw' as const), name, version }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('feed' as const), name }) },
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('ask' as const),
          name,
          question: fc.nat(),
          fault,
          message: fc.integer({ min: 1, max: 8 }),
          isStranger: fc.boolean(),
        }),
      },
    )

    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 25 }), async (steps) => {
        for (const each of steps) {
          if (each.kind === 'publish') {
            const zip = packageZip({ name: each.name, description: 'Ours' }, each.version)
            // As whoever publishes would do it: what failed may just have been mended.
            let answer = await put(`${each.name}/${each.version}`, zip)
            await eventually('it is published', async () => {
              if (answer.status !== 503) return true
              answer = await put(`${each.name}/${each.version}`, zip)
              return false
            })
            const { version: published } = answer
            const versions = model.get(each.name) ?? new Map<string, string>()
            model.set(each.name, versions.set(each.version, published.reference))
          } else if (each.kind === 'withdraw') {
            await remove(`${each.name}/${each.version}`)
          } else if (each.kind === 'feed') {
            upstream.publish(each.name, `99.${(release += 1)}.0`)
            upstream.publish('beta/text', `9.${release}.0`)
            world.clock.advance(60)
            for (const job of ['change feed', 'malware lists']) await runJob(job)
          } else {
            const all = questions(each.name, model)
            const [path, init = {}] = all[each.question % all.length] ?? ['/packages.json']
            const request = { ...init, isStranger: each.isStranger }
            const isFaulty = each.fault !== 'none'
            const clear =
              each.fault === 'upstream' ? upstream.fail({ match: /./, mode: 'reset' }) : undefined
            if (each.fault === 'cut') world.proxy().cutAt(each.message)
            const answer =
              each.fault === 'database'
                ? await withoutDatabase(async () => await ask(world, path, request))
                : await ask(world, path, request)
            clear?.()
            world.proxy().cutAt(Number.POSITIVE_INFINITY)
            if (each.isStranger && answer.status === 401) continue
            check(answer, { path, model, isFaulty })
          }
          checkUpstream(world)
        }
      }),
      { numRuns: Number(process.env['NEVER_CONFUSED_RUNS'] ?? 15) },
    )
  })
})
