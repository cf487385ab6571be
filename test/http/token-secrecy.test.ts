import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { authorization } from '../support/api.ts'
import { dumpSchema } from '../support/dump.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import { issueToken, revokeToken, rotateToken } from '../support/tokens.ts'

interface Told extends Service {
  /** All that the log said. */
  readonly lines: string[]
}

async function open(): Promise<Told> {
  const lines: string[] = []
  const onLogLine = (line: string) => void lines.push(line)
  const settings = { PRIVATE_VENDORS: 'acme' }
  const service = await startService({ settings, logLevel: 'trace', onLogLine })
  return { ...service, lines }
}

/** Every row of every table there is. */
async function dumpOf({ database }: Service): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select nspname as name from pg_namespace where nspname !~ '^pg_|^information_schema$'`.execute(
    database.db,
  )
  const dumps = await Promise.all(rows.map(async ({ name }) => await dumpSchema(database.db, name)))
  return JSON.stringify(dumps)
}

describe('the text of a token', open, (test) => {
  test('is in no event, table, log line or error, whatever is done with it', async (service) => {
    const { lines, get, runJob, restart, events } = service
    const answers: string[] = []
    const api: Service['api'] = async (method, path, request) => {
      const answer = await service.api(method, path, request)
      answers.push(JSON.stringify(answer))
      return answer
    }
    const first = await issueToken(service, { grants: [{ scope: 'admin' }], name: 'secret' })
    const second = await rotateToken(service, first.id)
    const texts = [first.token, second.token]
    const typo = `${second.token.slice(0, -1)}x`
    for (const token of [...texts, typo]) {
      for (const scheme of ['Bearer', 'Basic'] as const) {
        await api('GET', '/p2/acme/log.json', { token, scheme })
        await api('GET', '/p2/beta/text.json', { token, scheme })
        await api('GET', '/api/v1/tokens', { token, scheme })
        await api('POST', '/api/v1/tokens', { token, scheme, json: { name: 1 } })
        await api('PUT', '/api/v1/tokens', { token, scheme })
      }
      await get('/search.json?q=log', { authorization: authorization(token, 'Basic') })
    }
    await service.withoutDatabase(async () => {
      assert.is((await api('GET', '/api/v1/tokens', { token: second.token })).status, 503)
    })
    await revokeToken(service, first.id)
    await api('GET', '/api/v1/tokens', { token: first.token })
    await runJob('usage')
    await restart()
    const told = { events: await events(), lines, answers, dump: await dumpOf(service) }
    assert.ok(told.lines.length > 20)
    assert.ok(told.events.some(({ type }) => type === 'TokensUsed'))
    for (const [where, what] of Object.entries(told)) {
      const text = JSON.stringify(what, (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      )
      assert.ok(text.length > 1000, where)
      for (const token of [...texts, typo]) {
        // Nor a part of it, as it is or as Composer sends it.
        assert.not.match(text, token.slice(8, 40), where)
        const basic = Buffer.from(`jürgen:${token}`).toString('base64')
        assert.not.match(text, basic.slice(-40), where)
      }
    }
  })
})
