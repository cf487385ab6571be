import * as assert from 'uvu/assert'
import { api, ask, away, forgedLines } from '../support/advisories.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const withoutApi = { 'security-advisories': { metadata: true } }

describe(
  'advisories of an upstream that answers no questions for them',
  async () => await startService({ upstream: { root: withoutApi } }),
  (test) => {
    test('are those of its documents, in full records', async (service) => {
      const { upstream } = service
      const { ids, advisories, notices, headers } = await ask(service, 'acme/log', 'acme/messages')
      assert.equal(ids, { 'acme/log': [forgedLines], 'acme/messages': [] })
      const { host } = new URL(upstream.url)
      assert.equal(advisories?.['acme/log'], [
        {
          packageName: 'acme/log',
          title: `Known to ${host}, which gives no details`,
          link: null,
          cve: null,
          source: host,
          reportedAt: '2026-02-11T12:00:00.000000Z',
          composerRepository: null,
          severity: null,
          sources: [{ name: host, remoteId: forgedLines }],
          advisoryId: forgedLines,
          affectedVersions: '>=1.0.0,<1.1.1',
        },
      ])
      assert.match(notices, 'answers no questions for advisories')
      assert.is(headers['warning'], undefined)
    })

    test('leave out packages that it doesn’t have', async (service) => {
      const { ids } = await ask(service, 'acme/log', 'acme/nothing')
      assert.equal(ids, { 'acme/log': [forgedLines] })
    })

    test('stay while it is away, and are 503 for what has no document here', async (service) => {
      const { clock } = service
      await ask(service, 'acme/log')
      clock.advance(86_400)
      const { ids, headers } = await away(
        service,
        'refuse',
        async () => await ask(service, 'acme/log'),
      )
      assert.equal(ids, { 'acme/log': [forgedLines] })
      assert.match(headers['warning'] ?? '', '110')
      const { status, warning, advisories } = await away(
        service,
        'refuse',
        async () => await ask(service, 'acme/log', 'acme/clock'),
      )
      assert.is(status, 503)
      assert.match(warning ?? '', 'answers no questions for advisories; nothing is known here')
      assert.is(advisories, undefined)
    })

    test('aren’t there by their date', async ({ get }) => {
      const { statusCode, body } = await get(`${api}?updatedSince=1700000000`)
      assert.is(statusCode, 404)
      assert.not.match(body.toString(), '"advisories"')
    })
  },
)
