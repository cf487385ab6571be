import * as assert from 'uvu/assert'
import { startAlmanac } from '../support/almanac.ts'
import { askApiAt } from '../support/api.ts'
import { debianPostgres, startDebianPostgres } from '../support/debian-postgres.ts'
import { blocksOf } from '../support/documents.ts'
import { packageZip, putTo } from '../support/publishing.ts'
import { describe, rejection, skipSuite } from '../support/suite.ts'
import { startStubUpstream } from '../support/upstream.ts'

/** What docs/OPERATIONS.md has to be pasted, by how it begins. */
function pasted(beginning: string, port: number): string {
  const block = blocksOf('docs/OPERATIONS.md').find(({ text }) => text.startsWith(beginning))
  if (block === undefined)
    throw new Error(`docs/OPERATIONS.md has no block that begins with ${beginning}`)
  return block.text.replaceAll('--host db.example.com', `--host 127.0.0.1 --port ${port}`)
}

const document = '/p2/acme/log.json'

/** A server with the service's role, and a service on it that has a document, an archive and a package of its own. */
async function open(binaries: string) {
  const server = await startDebianPostgres(binaries)
  const { port, shell } = server
  const asPostgres = `--host 127.0.0.1 --port ${port} --username postgres`
  await shell(`createuser ${asPostgres} almanac && createdb ${asPostgres} --owner almanac almanac`)
  const upstream = await startStubUpstream()
  const urlOf = (database: string) => `postgres://almanac@127.0.0.1:${port}/${database}`
  const start = async (database: string) =>
    await startAlmanac({ upstream: upstream.url, databaseUrl: urlOf(database) })
  const first = await start('almanac')
  const put = putTo({ api: askApiAt(first.url) })
  assert.is((await put('own/kit/1.0.0', packageZip({ name: 'own/kit' }))).status, 201)
  const known = await (await fetch(first.url + document)).text()
  const [, reference = ''] = /"reference":"([0-9a-f]{40})"/.exec(known) ?? []
  const [, version = ''] = /"version_normalized":"([^"]+)"/.exec(known) ?? []
  const archive = `/dist-proxy/acme/log/${version}/${reference}.zip`
  const own = '/p2/own/kit.json'
  const asked = async (url: string) => {
    const headers = { authorization: `Bearer ${first.adminToken}` }
    const answers = [document, archive, own].map(async (path) => {
      const answer = await fetch(url + path, { headers })
      return { path, status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()).length }
    })
    return await Promise.all(answers)
  }
  const before = await asked(first.url)
  assert.equal(
    before.map(({ status }) => status),
    [200, 200, 200],
  )
  await shell(pasted('pg_dump', port), { DATABASE_URL: urlOf('almanac') })
  assert.is(await first.stop(), 0)
  return {
    ...server,
    asPostgres,
    start,
    asked,
    before,
    upstream,
    async close() {
      await first.close()
      await upstream.close()
      await server.close()
    },
  }
}

const binaries = debianPostgres()
if (binaries === undefined)
  skipSuite('backup and restore', 'there is no PostgreSQL in /usr/lib/postgresql')
else {
  describe(
    'backup and restore as two roles',
    async () => await open(binaries),
    (test) => {
      test('are the commands that the documentation has, and lose nothing', async (rig) => {
        const { port, shell, start, asked, before, upstream } = rig
        await shell(pasted('createdb', port))
        const clear = upstream.fail({ match: /./, mode: 'reset' })
        const restored = await start('almanac_restored')
        const after = await asked(restored.url)
        // The public URL, and so the port, is in what is ours.
        assert.equal(after.slice(0, 2), before.slice(0, 2))
        assert.is(after[2]?.status, 200)
        assert.is(await restored.stop(), 0)
        clear()
      })

      test('by another role fails in a sentence that says whose the tables are, and what to do', async (rig) => {
        const { shell, asPostgres, start, port } = rig
        await shell(`createdb ${asPostgres} --owner almanac almanac_foreign`)
        await shell(`pg_restore ${asPostgres} --no-owner --dbname almanac_foreign almanac.dump`)
        const message = String(await rejection(start('almanac_foreign')))
        const says = /^almanac: (.*)$/m.exec(message)?.[1] ?? message
        assert.match(
          says,
          'The tables in the database "almanac_foreign" belong to the role "postgres"',
        )
        assert.match(says, 'pg_restore --no-owner --role=almanac')
        assert.match(says, 'owner to "almanac"')
        assert.not.match(message, /^\s+at /m)
        // As it says: dropped, and restored again.
        await shell(`dropdb ${asPostgres} almanac_foreign`)
        await shell(pasted('createdb', port).replaceAll('almanac_restored', 'almanac_foreign'))
        const restored = await start('almanac_foreign')
        assert.is(await restored.stop(), 0)
      })
    },
  )
}
