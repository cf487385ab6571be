import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { token as tokenProjection } from '../../projections/token.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { authorization } from '../support/api.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import {
  administeredRoute,
  administering,
  counts,
  issueToken,
  listedToken,
  revokeToken,
} from '../support/tokens.ts'

async function startTwo() {
  const service = await startService()
  return { ...service, node: await service.startNode() }
}

describe('tokens on two nodes', startTwo, (test) => {
  test('count on both at once, and no more on both at once', async (service) => {
    const onNode = async (token: string) => {
      return (await service.node(administeredRoute, { authorization: authorization(token) }))
        .statusCode
    }
    for (let round = 0; round < 10; round++) {
      const { id, token } = await issueToken(service, { grants: administering })
      assert.is(await onNode(token), 200)
      await revokeToken(service, id)
      assert.is(await onNode(token), 401)
    }
  })

  test('have their uses counted together, and over restarts', async (service) => {
    const { clock, runJob, restart, node, get } = service
    const { id, token } = await issueToken(service)
    const basic = { authorization: authorization(token, 'Basic') }
    const path = '/p2/beta/text.json'
    await get(path, basic)
    clock.advance(10)
    await node(path, basic)
    await node(path, basic)
    assert.is((await listedToken(service, id))?.useCount, 0)
    await runJob('usage', 1)
    await runJob('usage', 0)
    const used = async () => {
      await readModelsCatchUp(service)
      const { useCount, lastUsedAt } = (await listedToken(service, id)) ?? {}
      return `${useCount} ${lastUsedAt}`
    }
    assert.is(await used(), '3 2026-06-01T00:00:10.000000Z')
    clock.advance(10)
    await get(path, basic)
    await restart()
    assert.is(await used(), '4 2026-06-01T00:00:20.000000Z')
    clock.advance(10)
    await get(path)
    await service.api('GET', administeredRoute, { token: `${token}x` })
    await restart()
    assert.is(await used(), '4 2026-06-01T00:00:20.000000Z')
  })

  test('are not used any more once they are revoked', async (service) => {
    const { id, token } = await issueToken(service)
    await revokeToken(service, id)
    const { statusCode } = await service.get('/p2/beta/text.json', {
      authorization: authorization(token),
    })
    assert.is(statusCode, 200, 'what is public is for everybody')
    await service.restart()
    assert.is((await listedToken(service, id))?.useCount, 0)
  })
})

/** Any write waits for all of them; revoking what is revoked writes nothing. */
async function readModelsCatchUp(service: Service): Promise<void> {
  const { id } = await issueToken(service, { name: 'comes after' })
  await revokeToken(service, id)
}

describe('without a database', startService, (test) => {
  test('no token is refused, and none is taken', async (service) => {
    const { token } = await issueToken(service, { grants: administering })
    await service.withoutDatabase(async () => {
      for (const path of [
        administeredRoute,
        '/api/v1/nothing',
        '/p2/acme/log.json',
        '/search.json?q=x',
      ]) {
        const { status, headers } = await service.api('GET', path, { token })
        assert.is(status, 503, path)
        // Composer would wait for so long, with everything else.
        assert.is(headers['retry-after'] !== undefined, path.startsWith('/api/'), path)
      }
      assert.is((await service.get('/p2/acme/log.json')).statusCode, 503, 'reserved or not')
    })
    assert.ok(await counts(service, token))
  })
})

describe('a read model of tokens that is not built yet', startService, (test) => {
  test('says neither that a token counts nor that it does not', async (service) => {
    const { api, database, restart } = service
    const { token } = await issueToken(service, { grants: administering })
    const schema = schemaOf(tokenProjection)
    const build = sql.id(schema, 'token')
    await sql`alter table ${build} rename to hidden`.execute(database.db)
    await sql`update projection_checkpoint set position = 0 where schema_name = ${schema}`.execute(
      database.db,
    )
    await restart()
    assert.is((await api('GET', administeredRoute, { token })).status, 503)
    assert.is(
      (await api('GET', administeredRoute)).status,
      200,
      'the admin token is not among them',
    )
    await sql`alter table ${sql.id(schema, 'hidden')} rename to token`.execute(database.db)
    await restart()
    assert.ok(await counts(service, token))
  })
})
