import * as assert from 'uvu/assert'
import { newTokenText } from '../../src/access/token-text.ts'
import { isOpen, isResolved, openAlert, watch } from '../support/alerts.ts'
import { adminToken, authorization } from '../support/api.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import { issueToken } from '../support/tokens.ts'

async function open() {
  const service = await startService({ settings: { TRUSTED_PROXIES: '127.0.0.1' } })
  async function show(token: string, address: string) {
    const headers = { authorization: authorization(token), 'x-forwarded-for': address }
    return (await service.get('/api/v1/proxy/status', headers)).statusCode
  }
  return { ...service, show }
}

describe('guessing tokens', open, (test) => {
  test('is slow, told of, and nobody else’s trouble', async (service) => {
    const { show, clock } = service
    for (let n = 0; n < 20; n++) assert.is(await show(newTokenText(), '198.51.100.7'), 401)
    const statuses = await Promise.all(
      Array.from({ length: 200 }, async () => await show(newTokenText(), '198.51.100.7')),
    )
    assert.is(statuses.filter((status) => status === 401).length, 6, 'one at once and five in line')
    assert.is(statuses.filter((status) => status === 503).length, 194)
    assert.is(await show(newTokenText(), '198.51.100.8'), 401)
    await watch(service, 15)
    const alert = await openAlert(service, 'token_guesses')
    assert.is(alert.subject, '198.51.100.7')
    assert.is(alert.detail, '220 wrong tokens were shown from 198.51.100.7.')
    clock.advance(7_200)
    await watch(service, 135)
    await isResolved(service, alert)
  })

  test('keeps nobody behind the same address waiting, not even right after a start', async (service) => {
    const { token } = await issueToken(service, { grants: [{ scope: 'read' }] })
    await service.restart()
    const guesses = async () => {
      const shown = Array.from(
        { length: 50 },
        async () => await service.show(newTokenText(), '198.51.100.11'),
      )
      return (await Promise.all(shown)).filter((status) => status === 503).length
    }
    assert.ok((await guesses()) > 0)
    assert.is(await service.show(token, '198.51.100.11'), 403, 'it counts, for something else')
    assert.is(await service.show(adminToken, '198.51.100.11'), 200)
  })

  test('is told of also where the answer is for all, and that is given to everybody', async (service) => {
    const headers = { 'x-forwarded-for': '198.51.100.10' }
    async function read(token: string) {
      const shown = { ...headers, authorization: authorization(token) }
      return (await service.get('/p2/acme/log.json', shown)).statusCode
    }
    for (let n = 0; n < 20; n++) assert.is(await read(`guess-${n}`), 200)
    const statuses = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => await read(`guess-${20 + n}`)),
    )
    assert.is(statuses.filter((status) => status === 200).length, 200)
    await watch(service, 15)
    const alert = await openAlert(service, 'token_guesses')
    assert.is(alert.subject, '198.51.100.10')
    service.clock.advance(7_200)
    await watch(service, 135)
    await isResolved(service, alert)
  })

  test('is not what a build server with a typo in its token does', async (service) => {
    const typo = `${newTokenText()}x`
    for (let n = 0; n < 250; n++) assert.is(await service.show(typo, '198.51.100.9'), 401)
    await watch(service, 15)
    assert.is(await isOpen(service, 'token_guesses'), false)
  })
})
