import * as assert from 'uvu/assert'
import type { Route } from '../../src/http/route.ts'
import { adminToken, type ApiAnswer, pathOf } from '../support/api.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import { issueToken } from '../support/tokens.ts'

interface Opened extends Service {
  /** Of who has none, who may read other packages, and who may do all. */
  readonly tokens: readonly (string | undefined)[]
}

async function open(): Promise<Opened> {
  const service = await startService({ settings: { PRIVATE_VENDORS: 'acme' } })
  const grants = [{ scope: 'read', vendors: ['beta'] }] as const
  const { token } = await issueToken(service, { grants })
  return { ...service, tokens: [undefined, token, adminToken] }
}

/** All of an answer but what is new in each. */
function comparable({ status, headers, body }: ApiAnswer): unknown {
  const { date: _date, 'x-request-id': _id, 'content-length': _length, ...lasting } = headers
  const problem = typeof body === 'object' ? { ...body, instance: undefined } : body
  return { status, headers: lasting, body: problem }
}

/** Which paths mean the same as this one. */
function spellingsOf(path: string): readonly string[] {
  return [`/${path}`, path.replaceAll('/', '//'), path.replace(/\/(?=[^/]*$)/, '///')]
}

const isSteady = ({ path }: Route): boolean => !/metrics|status|stats/.test(path)

describe('a path with slashes that follow one another', open, (test) => {
  for (const vendor of ['acme', 'beta']) {
    test(`is that with one, for whoever asks for ${vendor}, by each route`, async (opened) => {
      const { api, routes, tokens } = opened
      for (const route of routes().filter(isSteady)) {
        const path = pathOf(route, { vendor })
        for (const token of tokens) {
          // What changes something is asked by those only who may not.
          if (route.method !== 'get' && token === adminToken) continue
          const plain = await api(route.method, path, { token })
          for (const spelling of spellingsOf(path)) {
            const answer = await api(route.method, spelling, { token })
            const asked = `${route.method} ${spelling}`
            assert.equal(comparable(answer), comparable(plain), asked)
          }
        }
      }
    })
  }

  test('leads to packages and archives, now and at a date', async ({ get, api }) => {
    for (const path of [
      '//packages.json',
      '//p2/beta/text.json',
      '/p2//beta//text.json',
      '//at//2026-05-01//packages.json',
      '//at/2026-05-01//p2/beta/text.json',
      '//packages.json?at=2026-05-01',
    ]) {
      const { statusCode, body } = await get(path)
      assert.is(statusCode, 200, path)
      assert.equal(body, (await get(path.replaceAll(/\/+/g, '/'))).body)
    }
    const { statusCode } = await get('//?at=2026-05-01/packages.json')
    assert.is(statusCode, 200)
    assert.is((await api('GET', '//livez')).status, 200)
  })

  test('is refused as such a path is, in other ways to write it too', async ({ api }) => {
    for (const path of [
      '//p2/acme/log.json',
      '/p2//acme/log.json',
      '/p2/acme//log.json',
      '/p2/ACME//log.json',
      '//at/2026-05-01//p2/acme/log~dev.json',
      '//api/v1/tokens',
      '/api//v1//tokens',
      '//API/v1/tokens',
      '//dist-proxy/acme/log/1.0.0.0/x.zip',
    ]) {
      assert.is((await api('GET', path, { token: undefined })).status, 401, path)
    }
    for (const path of ['/p2/%2Facme/log.json', '/%2Fp2/acme/log.json', '//p2/beta/%2Ftext.json']) {
      assert.is((await api('GET', path, { token: undefined })).status, 404, path)
    }
  })
})
