import * as fc from 'fast-check'
import type { ServerResponse } from 'node:http'
import * as assert from 'uvu/assert'
import { projections } from '../../projections/index.ts'
import { rebuild } from '../../src/projector/rebuild.ts'
import { createSnapshotStore } from '../../src/snapshots/store.ts'
import { msOfInstant } from '../../src/time-machine/instant.ts'
import { fuzz } from '../support/fuzz.ts'
import {
  commits,
  hostileDocument,
  hostileEtag,
  hostileLastModified,
  hostilePage,
  hostileRoot,
  hostileSummary,
  hostileText,
} from '../support/hostile-answers.ts'
import { dumpAll } from '../support/read-models.ts'
import { openRig } from '../support/scripted-upstream.ts'
import { type Service, startService } from '../support/service.ts'
import { sourcesOf } from '../support/sources.ts'
import { describe, eventually } from '../support/suite.ts'
import { zipball } from '../support/zip.ts'

const names = ['acme/log', 'acme/log~dev', 'acme/http', 'acme/http~dev'] as const
const statuses = [200, 200, 200, 200, 200, 200, 304, 404, 403] as const
const archive = zipball('acme-log', [{ path: 'composer.json', content: '{"name":"acme/log"}' }])

interface Asked {
  readonly get?: string
  readonly job?: string
  readonly purge?: object
  readonly installed?: readonly string[]
}

/** What upstream has at one of its URLs from now on, and what of ours asks for it. */
interface Change {
  readonly path: string
  readonly answer: (nowMs: number) => string
  readonly asked: Asked
}

function changeOf(url: string): fc.Arbitrary<Change> {
  const documents = names.map((name) => {
    const path = `/p2/${name}.json`
    const body = hostileDocument({ name: name.replace('~dev', ''), distUrl: `${url}/dist.zip` })
    return body.map((text) => ({ path, answer: () => text, asked: { get: path } }))
  })
  const feed = { job: 'change feed' }
  return fc.oneof(
    ...documents,
    hostilePage(names).map((answer) => ({ path: '/changes.json', answer, asked: feed })),
    hostileSummary.map((text) => {
      return { path: '/summary.json', answer: () => text, asked: { job: 'malware lists' } }
    }),
    hostileRoot.map((text) => ({ path: '/packages.json', answer: () => text, asked: feed })),
  )
}

/** What is asked of this server, or what it does by itself. */
const question: fc.Arbitrary<Asked> = fc.oneof(
  fc.constantFrom(...names).map((name) => ({ get: `/at/2026-05-01/p2/${name}.json` })),
  fc
    .record({
      version: fc.constantFrom('1.0.0.0', 'dev-main'),
      commit: fc.constantFrom(...commits),
    })
    .map(({ version, commit }) => ({ get: `/dist-proxy/acme/log/${version}/${commit}.zip` })),
  fc.constant({ job: 'usage' }),
  fc.constantFrom('acme/log', undefined).map((name) => {
    return { purge: name === undefined ? { all: true } : { package: name } }
  }),
  fc.array(hostileText, { maxLength: 3 }).map((installed) => ({ installed })),
)

function stepOf(url: string) {
  return fc.record({
    change: changeOf(url),
    status: fc.constantFrom(...statuses),
    lastModified: hostileLastModified,
    etag: hostileEtag,
    question: fc.option(question, { freq: 3 }),
    afterSeconds: fc.constantFrom(0, 1, 61, 901, 90_000),
  })
}
type Step = ReturnType<typeof stepOf> extends fc.Arbitrary<infer Made> ? Made : never

/** A service over an upstream that does what the steps say. */
async function open() {
  const rig = await openRig()
  const settings = { PROXY_PACKAGIST_URL: rig.url, PROXY_FEED_INTERVAL: '60' }
  const service = await startService({ settings })
  const answers = new Map<string, (nowMs: number) => string>([
    [
      '/packages.json',
      () =>
        '{"metadata-url":"/p2/%package%.json","metadata-changes-url":"/changes.json","filter":{"summary-url":"/summary.json"}}',
    ],
    ['/changes.json', (nowMs) => JSON.stringify({ timestamp: nowMs * 10, actions: [] })],
  ])
  let last: Pick<Step, 'status' | 'lastModified' | 'etag'> = {
    status: 200,
    lastModified: () => undefined,
    etag: undefined,
  }
  rig.start(({ url = '' }, response) => {
    const nowMs = msOfInstant(service.clock.now())
    const path = url.split('?')[0] ?? ''
    setHeaders(response, { 'last-modified': last.lastModified(nowMs), etag: last.etag })
    const body = path === '/dist.zip' ? archive : answers.get(path)?.(nowMs)
    const isAlwaysThere = path === '/packages.json' || path === '/dist.zip'
    const status = isAlwaysThere ? 200 : last.status
    response.writeHead(body === undefined ? 404 : status).end(status === 200 ? body : undefined)
  })
  return {
    ...service,
    rig,
    async take({ change, question: asked, afterSeconds, ...how }: Step) {
      last = how
      answers.set(change.path, change.answer)
      service.clock.advance(afterSeconds)
      await ask(service, change.asked)
      if (asked !== null) await ask(service, asked)
    },
    async close() {
      await service.close()
      await rig.close()
    },
  }
}

function setHeaders(
  response: ServerResponse,
  headers: Readonly<Record<string, string | undefined>>,
): void {
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) response.setHeader(name, value)
  }
}

async function ask({ get, api, runJob }: Service, asked: Asked): Promise<void> {
  if (asked.get !== undefined) {
    const { statusCode, body } = await get(asked.get)
    assert.ok(statusCode !== 500, `500 to ${asked.get}: ${body.toString()}`)
  } else if (asked.job !== undefined) await runJob(asked.job)
  else if (asked.purge !== undefined)
    await api('POST', '/api/v1/proxy/purge', { json: asked.purge })
  else {
    const downloads = asked.installed?.map((version) => ({ name: 'acme/log', version }))
    await api('POST', '/downloads/', { json: { downloads } })
  }
}

/** Enough for one to come upon what another left, and few enough to build all anew soon. */
const stepsPerRound = 80

/** A round: many steps, each on top of those before; then everything is built anew. */
async function round(seed: number): Promise<void> {
  const world = await open()
  const { database, log, get, rig } = world
  try {
    const property = fc.asyncProperty(stepOf(rig.url), async (step) => await world.take(step))
    await fc.assert(property, { seed, numRuns: stepsPerRound, endOnFailure: true })
    const head = await log.head()
    await eventually('the read models have all of it', async () => {
      const { statusCode, body } = await get('/readyz')
      assert.is(statusCode, 200, body.toString())
      const rows = await database.db
        .selectFrom('projection_checkpoint')
        .select('position')
        .execute()
      return rows.every(({ position }) => position >= head)
    })
    const { db } = database
    const followed = await dumpAll(db)
    const sources = sourcesOf(createSnapshotStore(db).get)
    for (const projection of projections) await rebuild({ db, log, projection, sources })
    assert.equal(await dumpAll(db), followed)
  } finally {
    await world.close()
  }
}

describe(
  'whatever upstream sends',
  async () => ({}),
  (test) => {
    test('no read model stops, each comes out the same when it is built anew, and no answer is an error of ours', async () => {
      for (const seed of fuzz('what upstream sends', 5).rounds()) await round(seed)
    })
  },
)
