import * as assert from 'uvu/assert'
import { packageZip } from '../support/publishing.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

async function open() {
  const service = await startService({ settings: { PRIVATE_VENDORS: 'own,team-*' } })
  return {
    ...service,
    warningsFor: async (...vendors: readonly string[]) => {
      const json = { name: 'build', grants: [{ scope: 'read', vendors }] }
      const { status, body } = await service.api('POST', '/api/v1/tokens', { json })
      assert.is(status, 201, JSON.stringify(body))
      return (body as { warnings: readonly string[] }).warnings
    },
  }
}

describe('a token for some vendors', open, (test) => {
  test('is issued with a warning when nothing of one is here', async ({ warningsFor }) => {
    const warnings = await warningsFor('own', 'umbrela')
    assert.is(warnings.length, 1)
    assert.match(warnings[0] ?? '', /^Nothing of umbrela is here yet/)
    const many = await warningsFor(...Array.from({ length: 100 }, (_, number) => `none-${number}`))
    assert.match(many.join(''), /none-0, none-1, none-2, none-3, none-4 and 95 more is here/)
  })

  test('is issued without one when a setting, a package of ours or a public one has it', async (service) => {
    const { warningsFor, api, get } = service
    assert.equal(await warningsFor('own', 'team-a'), [])
    assert.is((await warningsFor('acme')).length, 1)
    assert.is((await get('/p2/acme/log.json')).statusCode, 200)
    assert.equal(await warningsFor('acme'), [])
    const body = packageZip({ name: 'umbrella/log', description: 'Logs' })
    assert.is((await api('PUT', '/api/v1/packages/umbrella/log/1.0.0', { body })).status, 201)
    assert.equal(await warningsFor('umbrella'), [])
  })
})
