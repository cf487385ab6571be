import * as assert from 'uvu/assert'
import { Problem } from '../../src/http/errors.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const rule = /like acme\/log: in both halves lower-case letters and digits/

describe('a name that no package can have', startService, (test) => {
  test('is refused with the rule in words, wherever it is', async ({ api, get }) => {
    const put = async (path: string) => await api('PUT', path, { body: 'zip' })
    const json = { package: 'Acme/Log', constraint: '*' }
    const refused = [
      await api('POST', '/api/v1/proxy/block', { json }),
      await api('POST', '/api/v1/proxy/unblock', { json }),
      await api('POST', '/api/v1/proxy/purge', { json: { package: 'acme' } }),
      await api('POST', '/api/v1/proxy/freeze/acme/Log'),
      await api('GET', '/api/v1/audit/installs?package=acme//log'),
      await put('/api/v1/packages/acme/Log/1.0.0'),
    ]
    for (const { status, body } of refused) {
      const { detail } = Problem.parse(body)
      assert.ok([400, 404].includes(status), detail)
      assert.match(detail, rule)
      assert.not.match(detail, '[a-z0-9]')
    }
    assert.match((await get('/p2/acme/L%C3%B6g.json')).body.toString(), rule)
  })
})

describe('a sentence about the branches of a package', startService, (test) => {
  test('has its name, of which ~dev is no part', async (service) => {
    const { get, upstream } = service
    const at = '/at/2026-05-01T00:00:00Z'
    for (const path of ['/p2/acme/nothing~dev.json', `${at}/p2/acme/nothing~dev.json`]) {
      const text = (await get(path)).body.toString()
      assert.match(text, 'acme/nothing (its branches)')
      assert.not.match(text, '~dev')
    }
    const clear = upstream.fail({ match: /beta\/text~dev/, mode: 'status' })
    const { statusCode, body } = await get('/p2/beta/text~dev.json')
    clear()
    assert.is(statusCode, 503)
    assert.match(body.toString(), "beta/text (its branches) isn't cached here")
  })
})
