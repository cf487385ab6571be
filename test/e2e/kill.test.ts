import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { got } from 'got'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { projections } from '../../projections/index.ts'
import { openDatabase } from '../../src/database/client.ts'
import { startEmbeddedPostgres } from '../../src/database/embedded.ts'
import type { RecordedEvent } from '../../src/events/types.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { type RunningAlmanac, startAlmanac } from '../support/almanac.ts'
import { times } from '../support/long.ts'
import { patientMs } from '../support/slowness.ts'
import { describe, eventually } from '../support/suite.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { type StubUpstream, startStubUpstream } from '../support/upstream.ts'
import { verifyDatabase } from '../support/verify.ts'

const kills = times(6, 40)
const clients = 6
const names = ['acme/log', 'acme/http', 'acme/messages', 'beta/text', 'beta/fonts'] as const

/** What a client has seen the end of: a promise that must hold whatever is killed afterwards. */
interface Acknowledged {
  readonly path: string
  readonly sha256: string
}

/** Evenly spread numbers below `limit`, the same in every run. */
function createNumbers(): (limit: number) => number {
  let state = 20_260_601
  return (limit) => {
    state = (state * 48_271) % 2_147_483_647
    return state % limit
  }
}

/** Asks as installs do, while upstream changes all the time, until told to stop. */
async function install(
  almanac: RunningAlmanac,
  upstream: StubUpstream,
  load: {
    readonly numbers: (limit: number) => number
    readonly acknowledged: Acknowledged[]
    stopped: boolean
  },
): Promise<void> {
  const { numbers, acknowledged } = load
  async function ask(asked: string): Promise<string> {
    const { statusCode, body } = await got(almanac.url + asked, {
      responseType: 'buffer',
      throwHttpErrors: false,
      retry: { limit: 0 },
      timeout: { request: patientMs(20_000) },
    })
    if (statusCode !== 200) return ''
    acknowledged.push({ path: asked, sha256: createHash('sha256').update(body).digest('hex') })
    return body.toString('latin1')
  }
  while (!load.stopped) {
    const name = names[numbers(names.length)] ?? names[0]
    if (numbers(3) === 0) upstream.publish(name, `9.${upstream.requests.length}.0`)
    try {
      await ask('/packages.json')
      const document = await ask(`/p2/${name}.json`)
      const references = [
        ...document.matchAll(
          /"version_normalized":"([^"]+)".*?"dist":\{[^}]*"reference":"([^"]+)"/g,
        ),
      ]
      const [, version, reference] = references[numbers(references.length || 1)] ?? []
      if (version !== undefined) await ask(`/dist-proxy/${name}/${version}/${reference}.zip`)
    } catch {
      // It was killed in the middle: not acknowledged, so nothing is promised.
    }
  }
}

function killPostgres(dataDirectory: string): void {
  const file = readFileSync(path.join(dataDirectory, 'postgresql', 'postmaster.pid'), 'utf8')
  process.kill(Number.parseInt(file, 10), 'SIGKILL')
}

async function open() {
  const upstream = await startStubUpstream()
  const dataDirectory = temporaryDirectory('almanac-killed')
  return {
    upstream,
    dataDirectory,
    async close() {
      removeDirectory(dataDirectory)
      await upstream.close()
    },
  }
}

describe('kill -9 during a load of installs', open, (test) => {
  test(`${kills} times, of the service, of its PostgreSQL and of both: what was acknowledged is there, once and whole`, async ({
    upstream,
    dataDirectory,
  }) => {
    const numbers = createNumbers()
    const acknowledged: Acknowledged[] = []
    const options = {
      upstream: upstream.url,
      dataDirectory,
      env: { PROXY_METADATA_TTL: '0', PROXY_FEED_INTERVAL: '0', LOG_LEVEL: 'error' },
    }
    for (let kill = 0; kill < kills; kill++) {
      const almanac = await startAlmanac(options)
      const load = { numbers, acknowledged, stopped: false }
      const running = Array.from(
        { length: clients },
        async () => await install(almanac, upstream, load),
      )
      const enough = acknowledged.length + 20 + numbers(60)
      await eventually('clients are served', () => acknowledged.length >= enough, {
        timeoutMs: 30_000,
      })
      if (kill % 3 !== 0) killPostgres(dataDirectory)
      if (kill % 3 === 1) {
        // The service lives on, brings its server back and serves again.
        const more = acknowledged.length + 20
        await eventually('it serves again', () => acknowledged.length >= more, {
          timeoutMs: 30_000,
        })
      }
      await almanac.kill9()
      load.stopped = true
      await Promise.all(running)
    }

    const logger = pino({ level: 'silent' })
    const server = await startEmbeddedPostgres({
      dataDirectory,
      logger,
      onLost: assert.unreachable,
    })
    const database = openDatabase({
      connectionString: server.connectionString,
      logger,
      schemas: projections.map(schemaOf),
    })
    try {
      const events = await verifyDatabase(database)
      checkAcknowledged(acknowledged, events)
    } finally {
      await database.db.destroy()
      await server.stop()
    }
  })
})

/**
 * Each acknowledged document was recorded, before it was sent, by exactly one event; and so was each
 * archive, but for those that were passed on while PostgreSQL was away.
 */
function checkAcknowledged(
  acknowledged: readonly Acknowledged[],
  events: readonly RecordedEvent[],
): void {
  const recorded = new Map<string, number>()
  for (const event of events) {
    const key = recordedBody(event)
    if (key !== undefined) recorded.set(key, (recorded.get(key) ?? 0) + 1)
  }
  let passedOn = 0
  const bodies = acknowledged.filter(({ path: asked }) => asked !== '/packages.json')
  for (const { path: asked, sha256 } of bodies) {
    const [, document, archive] =
      /^\/(?:p2\/(.+)\.json|dist-proxy\/([^/]+\/[^/]+)\/.+)$/.exec(asked) ?? []
    const count = recorded.get(`${document ?? `${archive} archive`} ${sha256}`) ?? 0
    if (document !== undefined) assert.is(count, 1, asked)
    else if (count === 0) passedOn += 1
    else assert.is(count, 1, asked)
  }
  assert.ok(passedOn <= clients * kills, `${passedOn} archives were not recorded`)
  assert.ok(bodies.length > 10 * kills, `${bodies.length} acknowledged answers were checked`)
}

function recordedBody({ type, data }: RecordedEvent): string | undefined {
  if (type === 'MetadataChanged') return `${data.document} ${data.sha256}`
  if (type === 'ArchiveStored') return `${data.packageName} archive ${data.sha256}`
  return undefined
}
