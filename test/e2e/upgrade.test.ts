import path from 'node:path'
import { sql } from 'kysely'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { projections } from '../../projections/index.ts'
import { openDatabase } from '../../src/database/client.ts'
import { startEmbeddedPostgres } from '../../src/database/embedded.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { startAlmanac } from '../support/almanac.ts'
import { askApiAt } from '../support/api.ts'
import { packageZip, putTo } from '../support/publishing.ts'
import { describe, eventually } from '../support/suite.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { startStubUpstream } from '../support/upstream.ts'

const logger = pino({ level: 'silent' })

/** The read models are those of a release before, in which each had another version. */
async function asOfFormerRelease(dataDirectory: string): Promise<void> {
  const server = await startEmbeddedPostgres({ dataDirectory, logger, onLost: () => undefined })
  const { db } = openDatabase({ connectionString: server.connectionString, logger })
  for (const projection of projections) {
    const former = { ...projection, version: projection.version - 1 }
    const [now, before] = [schemaOf(projection), schemaOf(former)]
    await sql`alter schema ${sql.id(now)} rename to ${sql.id(before)}`.execute(db)
    await sql`
      update projection_checkpoint set schema_name = ${before} where schema_name = ${now}`.execute(
      db,
    )
  }
  await db.destroy()
  await server.stop()
}

const document = '/p2/acme/log.json'
const own = '/p2/own/kit.json'

/** The service as two releases have it, each in a folder of its own with `./data`. */
async function open() {
  const upstream = await startStubUpstream()
  const parent = temporaryDirectory('almanac-releases')
  const dataIn = (folder: string) => path.join(parent, folder, 'data')
  return {
    upstream,
    dataIn,
    start: async (dataDirectory: string) =>
      await startAlmanac({ upstream: upstream.url, dataDirectory }),
    async close() {
      removeDirectory(parent)
      await upstream.close()
    },
  }
}

async function bytesAt(url: string, adminToken: string): Promise<string> {
  const headers = { authorization: `Bearer ${adminToken}` }
  const answer = await fetch(url, { headers })
  assert.is(answer.status, 200, url)
  return await answer.text()
}

describe('an upgrade', open, (test) => {
  test('in another folder says where the data are, and goes on from them', async (rig) => {
    const { dataIn, start, upstream } = rig
    const former = await start(dataIn('release-1'))
    const { adminToken } = former
    const put = putTo({ api: askApiAt(former.url) })
    assert.is((await put('own/kit/1.0.0', packageZip({ name: 'own/kit' }))).status, 201)
    await bytesAt(former.url + document, adminToken)
    const pinned = `/at/2026-05-01${document}`
    const before = await bytesAt(former.url + pinned, adminToken)
    assert.not.match(former.output(), 'This start begins with nothing')
    assert.is(await former.stop(), 0)
    await asOfFormerRelease(dataIn('release-1'))

    const empty = await start(dataIn('release-2'))
    const says = `This start begins with nothing in ${dataIn('release-2')}, while ${dataIn('release-1')} has what`
    assert.match(empty.output(), says)
    assert.match(empty.output(), `set DATA_DIR=${dataIn('release-1')}`)
    assert.is(await empty.stop(), 0)

    const clear = upstream.fail({ match: /./, mode: 'reset' })
    const upgraded = await start(dataIn('release-1'))
    assert.not.match(upgraded.output(), 'This start begins with nothing')
    await eventually('the read models are built', async () => {
      return (await fetch(`${upgraded.url}/readyz`)).status === 200
    })
    assert.is(await bytesAt(upgraded.url + pinned, adminToken), before)
    assert.match(await bytesAt(upgraded.url + own, adminToken), '"1.0.0"')
    assert.is(await upgraded.stop(), 0)
    clear()
  })
})
