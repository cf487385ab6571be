import { readFileSync } from 'node:fs'
import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { projections } from '../../projections/index.ts'
import { usage } from '../../projections/usage.ts'
import type { ReadModelName } from '../../src/events/concerns.ts'
import { newEvent } from '../../src/events/new-event.ts'
import { DomainEvent } from '../../src/events/types.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { addSeconds, compactInstant } from '../../src/time-machine/instant.ts'
import { distOf } from '../support/dist.ts'
import { packageZip, putTo } from '../support/publishing.ts'
import { type Service, startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

/** What is done for users, the read models that it can't do without, and how: for the nth time. */
const works: readonly {
  readonly what: string
  readonly needs: readonly ReadModelName[]
  readonly ask: (service: Service, n: number) => Promise<number>
}[] = [
  {
    what: 'a cold document',
    needs: ['document', 'version_rule'],
    ask: async ({ get }, n) => (await get(`/p2/${['acme/log', 'acme/http'][n]}.json`)).statusCode,
  },
  {
    what: 'a pin of a package that nobody has asked for',
    needs: ['document', 'version_rule', 'freeze', 'private_package'],
    async ask({ get, clock }, n) {
      const name = ['acme/container', 'acme/mailer'][n]
      clock.advance(120)
      const at = compactInstant(addSeconds(clock.now(), -60))
      return (await get(`/at/${at}/p2/${name}.json`)).statusCode
    },
  },
  {
    what: 'a cold archive',
    needs: ['document', 'version_rule', 'package_reference'],
    async ask(service, n) {
      const name = ['beta/text', 'acme/framework'][n] ?? ''
      const { reference } = await distOf(service, name, '1.0.0')
      return (await service.get(`/dist-proxy/${name}/1.0.0.0/${reference}.zip`)).statusCode
    },
  },
  {
    what: 'a freeze',
    needs: ['document', 'version_rule', 'freeze'],
    async ask({ api }, n) {
      const name = ['beta/edge', 'beta/fonts'][n]
      return (await api('POST', `/api/v1/proxy/freeze/${name}`)).status
    },
  },
  {
    what: 'a purge',
    needs: ['document', 'archive', 'blob_use', 'private_package'],
    ask: async ({ api }) =>
      (await api('POST', '/api/v1/proxy/purge', { json: { all: true } })).status,
  },
  {
    what: 'a publication',
    needs: ['private_package', 'private_listing'],
    async ask(service, n) {
      const zip = packageZip({ name: 'ours/tool' }, `${n}`)
      return (await putTo(service)(`ours/tool/${n}.0.0`, zip)).status
    },
  },
  {
    what: 'a token',
    needs: ['token'],
    async ask({ api }, n) {
      const json = { name: `ci ${n}`, grants: [{ scope: 'read' }] }
      return (await api('POST', '/api/v1/tokens', { json })).status
    },
  },
]

const ownVendor = async () => await startService({ settings: { PRIVATE_VENDORS: 'ours' } })

/** Events that none of the above brings. */
const others = ['PackagesInstalled', 'UsageRecorded', 'AlertOpened'] as const

async function stop(service: Service, name: ReadModelName): Promise<void> {
  const projection = projections.find((one) => one.name === name)
  assert.ok(projection)
  await refuseWrites(service, schemaOf(projection))
  for (const { ask } of works) await ask(service, 0)
  for (const type of others) {
    const file = new URL(`../fixtures/events/${type}.v1.json`, import.meta.url)
    const data: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const event = newEvent(DomainEvent.parse({ type, data }))
    await service.log.append({ stream: 'test', expected: 'any', events: [event] })
  }
  await eventually(`${name} has stopped`, async () => {
    const { body } = await service.get('/readyz')
    return body.toString().includes(name) ? true : undefined
  })
}

/** Whatever is to be written to the read model fails from now on, while it can be read. */
async function refuseWrites({ database: { db } }: Service, schema: string): Promise<void> {
  await sql`
    create function ${sql.id(schema, 'refuse')}() returns trigger language plpgsql
    as 'begin raise exception ''it is broken''; end'`.execute(db)
  const { rows } = await sql<{ table_name: string }>`
    select table_name from information_schema.tables where table_schema = ${schema}`.execute(db)
  for (const { table_name } of rows) {
    await sql`
      create trigger refuse before insert or update or delete on ${sql.id(schema, table_name)}
      for each statement execute function ${sql.id(schema, 'refuse')}()`.execute(db)
  }
}

for (const { name } of projections) {
  describe(`with the read model ${name} stopped`, ownVendor, (test) => {
    test('all works that does without it', async (service) => {
      await stop(service, name as ReadModelName) // as each is one
      for (const { what, needs, ask } of works) {
        const status = await ask(service, 1)
        const isNeeded = needs.some((needed) => needed === name)
        assert.is(status >= 200 && status < 300, !isNeeded, `${what}: ${status}`)
        if (isNeeded) assert.is(status, 503, what)
      }
    })
  })
}

describe('a read model whose checkpoint another transaction holds', ownVendor, (test) => {
  test('stalls no other, and goes on when it is let go', async (service) => {
    const { db } = service.database
    await db.transaction().execute(async (tx) => {
      await tx
        .selectFrom('projection_checkpoint')
        .select('position')
        .where('schema_name', '=', schemaOf(usage))
        .forUpdate()
        .execute()
      for (const { what, ask } of works) {
        const status = await ask(service, 1)
        assert.ok(status < 300, `${what}: ${status}`)
      }
    })
    await eventually('it is where the others are', async () => {
      const rows = await db.selectFrom('projection_checkpoint').select('position').execute()
      return new Set(rows.map(({ position }) => position)).size === 1
    })
  })
})
