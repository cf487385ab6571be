import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { versionRule } from '../../projections/version-rule.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { distOf } from '../support/dist.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

describe('a read model of rules that is not built yet', startService, (test) => {
  test('lets nothing pass, nor is it taken for one without rules', async (service) => {
    const { api, get, database, restart } = service
    const { reference } = await distOf(service, 'acme/log', '1.1.0')
    const archive = `/dist-proxy/acme/log/1.1.0.0/${reference}.zip`
    const json = { package: 'acme/log', constraint: '1.1.0' }
    assert.is((await api('POST', '/api/v1/proxy/block', { json })).status, 200)
    const schema = schemaOf(versionRule)
    await sql`alter table ${sql.id(schema, 'version_rule')} rename to hidden`.execute(database.db)
    await sql`update projection_checkpoint set position = 0 where schema_name = ${schema}`.execute(
      database.db,
    )
    await restart()
    for (const path of ['/p2/acme/log.json', '/at/2025-06-01/p2/acme/log.json', archive]) {
      assert.is((await get(path)).statusCode, 503, path)
    }
    await sql`alter table ${sql.id(schema, 'hidden')} rename to version_rule`.execute(database.db)
    await restart()
    assert.is((await get('/p2/acme/log.json')).statusCode, 200)
    assert.is((await get(archive)).statusCode, 410)
  })
})
