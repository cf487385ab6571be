import { Agent } from 'node:http'
import got, { type OptionsInit, RequestError, type Response } from 'got'
import * as assert from 'uvu/assert'
import { describe } from '../support/suite.ts'
import { startStubUpstream } from '../support/upstream.ts'

interface Document {
  readonly filter?: Readonly<Record<string, readonly { readonly constraint: string }[]>>
}
interface Summary {
  readonly filter: Readonly<Record<string, Readonly<Record<string, string>>>>
}
interface Told {
  readonly advisories: Readonly<
    Record<string, readonly { readonly advisoryId: string; readonly reportedAt: string }[]>
  >
}

async function open() {
  const upstream = await startStubUpstream()
  return {
    upstream,
    get: async (path: string, options: OptionsInit = {}): Promise<Response<string>> =>
      await got(upstream.url + path, {
        ...options,
        retry: { limit: 0 },
        // A connection that is kept from before an outage is reset, and not refused.
        agent: { http: new Agent({ keepAlive: false }) },
        throwHttpErrors: false,
        responseType: 'text',
        resolveBodyOnly: false,
        isStream: false,
      }),
    close: upstream.close,
  }
}

describe('the stub upstream, its lists and outages', open, (test) => {
  test('tells of malware in the document and the summary, or in one of them', async ({
    upstream,
    get,
  }) => {
    const listed = async (name: string) => {
      const { filter } = JSON.parse((await get('/lists/all/summary.json')).body) as Summary
      return filter['malware']?.[name]
    }
    const inDocument = async (name: string) => {
      const { filter } = JSON.parse((await get(`/p2/${name}.json`)).body) as Document
      return filter?.['malware']?.map(({ constraint }) => constraint)
    }
    upstream.at('2026-05-01T00:00:00Z')
    upstream.flagMalware('acme/http', '1.0.0')
    upstream.flagMalware('acme/http', '1.1.0', 'summary')
    upstream.flagMalware('acme/http', '2.0.0', 'document')
    assert.is(await listed('acme/http'), '1.0.0|1.1.0')
    assert.equal(await inDocument('acme/http'), ['1.0.0', '2.0.0'])
    const { headers } = await get('/lists/all/summary.json')
    assert.is(headers['last-modified'], 'Fri, 01 May 2026 00:00:02 GMT')
    upstream.clearMalware('acme/http')
    assert.equal([await listed('acme/http'), await inDocument('acme/http')], [undefined, undefined])
    upstream.flagMalware('never/seen', '*')
    assert.is(await listed('never/seen'), '*')
    assert.is((await get('/p2/never/seen.json')).statusCode, 404)
  })

  test('shows advisories with the date at which they were reported', async ({ upstream, get }) => {
    const told = async () => {
      const path = '/api/security-advisories/?packages[]=beta/text'
      const { advisories } = JSON.parse((await get(path)).body) as Told
      return advisories['beta/text']?.map(({ advisoryId, reportedAt }) => [advisoryId, reportedAt])
    }
    const advisory = { title: 'Endless loop', severity: 'low', affectedVersions: '<2' } as const
    upstream.at('2026-05-02T00:00:00Z')
    upstream.advise('beta/text', { ...advisory, advisoryId: 'A-1' })
    upstream.advise('beta/text', {
      ...advisory,
      advisoryId: 'A-2',
      reportedAt: '2025-01-02T03:04:05Z',
    })
    upstream.retract('beta/text', 'A-none')
    assert.equal(await told(), [
      ['A-1', '2026-05-02T00:00:01+00:00'],
      ['A-2', '2025-01-02T03:04:05+00:00'],
    ])
    upstream.retract('beta/text', 'A-1')
    upstream.retract('beta/text', 'A-2')
    assert.equal(await told(), [])
  })

  test('changes its root file', async ({ upstream, get }) => {
    upstream.changeRoot({ 'security-advisories': { metadata: true }, filter: undefined })
    const root = JSON.parse((await get('/packages.json')).body) as object
    assert.is('filter' in root, false)
    assert.match(JSON.stringify(root), '"security-advisories":{"metadata":true}')
  })

  test('is down as a whole or in part, and comes back', async ({ upstream, get }) => {
    const paths = ['/p2/acme/log.json', `/dist/acme/log/${'0'.repeat(40)}.zip`]
    const options = { timeout: { request: 300 } }
    const seen = async () =>
      await Promise.all(
        paths.map(async (path) => {
          try {
            return (await get(path, options)).statusCode
          } catch (error) {
            return error instanceof RequestError ? error.code : error
          }
        }),
      )
    const parts = ['all', 'metadata', 'archives'] as const
    const expected = {
      refuse: 'ECONNREFUSED',
      silent: 'ETIMEDOUT',
      502: 502,
    } as const
    for (const how of ['refuse', 'silent', 502] as const) {
      for (const of of parts) {
        const end = await upstream.outage(how === 502 ? { status: 502 } : how, of)
        const down = how === 'refuse' && of !== 'all' ? 'ECONNRESET' : expected[how]
        assert.equal(
          await seen(),
          [of === 'archives' ? 200 : down, of === 'metadata' ? 404 : down],
          `${how} ${of}`,
        )
        await end()
        assert.equal(await seen(), [200, 404])
      }
    }
  })
})
