import * as assert from 'uvu/assert'
import { startService, type Service } from '../support/service.ts'
import { describe } from '../support/suite.ts'

async function warningOf({ get }: Service, path: string, status = 503): Promise<string> {
  const { statusCode, body } = await get(path)
  assert.is(statusCode, status, path)
  const { warning } = JSON.parse(body.toString()) as { warning: string }
  return warning
}

describe('a 503 for want of upstream', startService, (test) => {
  test('says why, also while upstream is not asked again', async (service) => {
    const { upstream, clock } = service
    const { host } = new URL(upstream.url)
    const faults = [
      [{ mode: 'status', status: 502 }, `${host} answered 502 (Bad Gateway)`],
      [{ mode: 'reset' }, `${host} could not be reached: the connection broke off`],
      [{ mode: 'html' }, `${host} sent what is no Composer document of that name`],
    ] as const
    for (const [index, [fault, words]] of faults.entries()) {
      const name = `acme/new-${index}`
      const clear = upstream.fail({ match: /new-/, ...fault })
      const expected = `${name} isn't cached here, and ${words}`
      assert.is(await warningOf(service, `/p2/${name}.json`), expected, 'asked')
      upstream.forget()
      assert.is(await warningOf(service, `/p2/${name}.json`), expected, 'within the pause')
      assert.is(await warningOf(service, `/at/2026-05-01/p2/${name}.json`), expected, 'at a pin')
      assert.is(upstream.requestsFor(/new-/).length, 0)
      clear()
      clock.advance(120)
      await service.get('/p2/acme/log.json')
    }
  })

  test('says it of what is not recorded a second time', async (service) => {
    const { upstream, clock } = service
    const { host } = new URL(upstream.url)
    const clear = upstream.fail({ match: /twice/, mode: 'status', status: 500 })
    await warningOf(service, '/p2/acme/twice.json')
    clear()
    clock.advance(60)
    const clearOther = upstream.fail({ match: /twice/, mode: 'status', status: 504 })
    const expected = `acme/twice isn't cached here, and ${host} answered 504 (Gateway Timeout)`
    for (let time = 0; time < 2; time++) {
      assert.is(await warningOf(service, '/p2/acme/twice.json'), expected)
    }
    clearOther()
  })

  test('says it of archives, of what is relayed, and in the status', async (service) => {
    const { get, upstream, clock, api } = service
    clock.advance(120)
    await get('/packages.json')
    const document = (await get('/p2/acme/log.json')).body.toString()
    const [, reference] =
      /"version":"2.0.0".*?"dist":.*?"reference":"(\w{40})"/.exec(document) ?? []
    const { host } = new URL(upstream.url)
    const clear = upstream.fail({ match: /./, mode: 'status', status: 429, retryAfterSeconds: 90 })
    const words = `${host} answered 429 (Too Many Requests) and wants to be left alone for a while`
    const archive = `/dist-proxy/acme/log/2.0.0.0/${reference}.zip`
    for (let time = 0; time < 2; time++) {
      const expected = `the archive isn't cached here, and ${words}`
      assert.is(await warningOf(service, archive, 404), expected)
      const search = await warningOf(service, '/search.json?q=a')
      assert.is(search, `upstream gave no answer to search: ${words}`)
      const cold = await warningOf(service, '/p2/acme/cold.json')
      assert.is(cold, `acme/cold isn't cached here, and ${words}`)
    }
    const { body } = await api('GET', '/api/v1/proxy/status')
    assert.is((body as { upstream: { lastProblem: string } }).upstream.lastProblem, words)
    clear()
  })
})

const lines: string[] = []
const logging = () => startService({ onLogLine: (line) => void lines.push(line) })

describe('the log, when upstream gives no answer', logging, (test) => {
  test('says the same, and nothing that upstream wrote', async (service) => {
    const { upstream } = service
    const { host } = new URL(upstream.url)
    upstream.fail({ match: /cold/, mode: 'reset' })
    await warningOf(service, '/p2/acme/cold.json')
    const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    const failed = logged.find(({ type }) => type === 'MetadataFetchFailed')
    assert.is(failed?.['why'], `${host} could not be reached: the connection broke off`)
    const event = (await service.events()).at(-1)
    assert.is(event?.type, 'MetadataFetchFailed')
    assert.equal(
      { ...event?.data, durationMs: 0, fetchedAt: '' },
      {
        document: 'acme/cold',
        reason: 'connection',
        cause: 'connection_broke_off',
        durationMs: 0,
        fetchedAt: '',
      },
    )
  })
})
