import * as assert from 'uvu/assert'
import { metricsToken } from '../support/api.ts'
import { packageZip } from '../support/publishing.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

async function openWith(settings: Readonly<Record<string, string>>) {
  const lines: string[] = []
  const service = await startService({ settings, onLogLine: (line) => lines.push(line) })
  return {
    ...service,
    warnedOf: () => lines.filter((line) => line.includes('METRICS_TOKEN')).length,
    publish: async (name: string, version = '1.0.0') => {
      const body = packageZip({ name, description: 'Logs' })
      const answer = await service.api('PUT', `/api/v1/packages/${name}/${version}`, { body })
      assert.is(answer.status, 201, JSON.stringify(answer.body))
      return (answer.body as { warnings: readonly string[] }).warnings
    },
    metrics: async () => (await service.api('GET', '/metrics', { token: undefined })).status,
  }
}

describe(
  'the first package of our own',
  async () => await openWith({}),
  (test) => {
    test('has /metrics take a token, which its answer and the log say, and no other one', async (service) => {
      const { publish, metrics, warnedOf } = service
      assert.is(await metrics(), 200)
      const warnings = await publish('own/log')
      assert.is(warnings.length, 1)
      assert.match(warnings[0] ?? '', /\/metrics .*METRICS_TOKEN/)
      assert.is(warnedOf(), 1)
      assert.is(await metrics(), 401)
      assert.equal(await publish('own/log', '1.1.0'), [])
      assert.equal(await publish('umbrella/log'), [], 'a vendor of ours is not the first one')
      assert.is(warnedOf(), 1)
    })
  },
)

for (const settings of [{ METRICS_TOKEN: metricsToken }, { PRIVATE_VENDORS: 'other' }]) {
  describe(
    `the first package of our own with ${JSON.stringify(settings)}`,
    async () => await openWith(settings),
    (test) => {
      test('changes nothing about /metrics, and says nothing', async ({ publish, metrics }) => {
        const before = await metrics()
        assert.equal(await publish('own/log'), [])
        assert.is(await metrics(), before)
      })
    },
  )
}
