import * as assert from 'uvu/assert'
import { adminToken } from '../support/api.ts'
import { openPublishing, packageZip } from '../support/publishing.ts'
import { describe } from '../support/suite.ts'
import { tar } from '../support/tar.ts'
import { issueToken } from '../support/tokens.ts'

const authorized = { authorization: `Bearer ${adminToken}` }
const then = '2020-05-01T14:00:00%2B02:00'
const told = '2020-05-01T12:00:00+00:00'
const now = '2026-06-01T00:00:00+00:00'
const zipOf = (version: string) => packageZip({ name: 'own/log', version, description: 'Ours' })

async function open() {
  const service = await openPublishing()
  const { put, get, api } = service
  const publisher = await issueToken(service, { grants: [{ scope: 'publish' }] })
  return {
    ...service,
    publisher: publisher.token,
    publish: async (version: string, query = '', token?: string) =>
      await put(`own/log/${version}${query}`, zipOf(version), token === undefined ? {} : { token }),
    importTar: async (files: Parameters<typeof tar>[0], token?: string) => {
      const request = { body: tar(files), ...(token !== undefined && { token }) }
      const { body } = await api('POST', '/api/v1/packages/import', request)
      const lines = String(body).trim().split('\n')
      return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
    },
    /** `published-time` of each version in the order of the document. */
    times: async () => {
      const { body } = await get('/p2/own/log.json', authorized)
      return [...body.toString().matchAll(/"published-time":"([^"]*)"/g)].map(([, time]) => time)
    },
  }
}

const dates = (value: unknown) => ({ path: 'dates.json', content: JSON.stringify(value) })

describe('a version that another registry published', open, (test) => {
  test('keeps its date for Composer, and none of the past has it', async (service) => {
    const { publish, times, get, clock } = service
    clock.advance(3600)
    const published = await publish('1.0.0', `?published-at=${then}`)
    assert.is(published.status, 201)
    assert.equal(await times(), [told])
    clock.advance(10)
    const before = (await get('/at/2022-01-01/p2/own/log.json', authorized)).body.toString()
    assert.match(before, '"own/log":[]')
  })

  test('is the same when it is published again, and never gets another date', async ({
    publish,
  }) => {
    assert.is((await publish('1.0.0', `?published-at=${then}`)).status, 200)
    assert.is((await publish('1.0.0')).status, 200)
    const other = await publish('1.0.0', '?published-at=2021-01-01T00:00:00Z')
    assert.is(other.status, 409)
    assert.match(other.problem.detail, 'which never changes')
  })

  test('is dated by those alone who administer its vendor', async ({ publish, publisher }) => {
    const refused = await publish('1.1.0', `?published-at=${then}`, publisher)
    assert.is(refused.status, 403)
    assert.match(refused.problem.detail, 'administers own')
    assert.is((await publish('1.1.0', '', publisher)).status, 201)
  })

  test('has no date that is none, older than Composer, or to come', async ({ publish }) => {
    for (const date of [
      'yesterday',
      '2020-05-01',
      '2020-02-30T00:00:00Z',
      '2020-05-01T12:00:00',
      '2004-12-31T23:59:59Z',
      '2027-01-01T00:00:00Z',
      '1'.repeat(64),
    ]) {
      const refused = await publish('1.2.0', `?published-at=${date}`)
      assert.is(refused.status, 400, date)
      assert.match(refused.problem.detail, 'published-at must be a date like 2020-05-01T12:00:00Z')
    }
  })

  test('has its date from dates.json in a tar, by whichever name of the version', async (service) => {
    const { importTar, times } = service
    const lines = await importTar([
      dates({ 'own/log': { 'v2.0': '2020-05-01T12:00:00Z' }, 'own/other': {} }),
      { path: 'own/log/2.0.0.zip', content: zipOf('2.0.0') },
      { path: 'own/log/3.0.0.zip', content: zipOf('3.0.0') },
    ])
    assert.equal(
      lines.map(({ outcome, complete }) => outcome ?? complete),
      ['published', 'published', true],
    )
    const [newest, second] = await times()
    assert.equal([newest?.slice(0, 10), second], [now.slice(0, 10), told])
  })

  test('has none from a file that comes too late, is too large, or says no dates', async ({
    importTar,
    publisher,
  }) => {
    const zip = { path: 'own/log/4.0.0.zip', content: zipOf('4.0.0') }
    const four = { 'own/log': { '4.0.0': '2020-05-01T12:00:00Z' } }
    const problemOf = async (files: Parameters<typeof tar>[0], token?: string) =>
      String((await importTar(files, token)).at(-1)?.['detail'])
    assert.match(await problemOf([dates({ 'own/log': { '4.0.0': 'x' } }), zip]), 'own/log 4.0.0')
    assert.match(await problemOf([dates([1]), zip]), 'it must be JSON like')
    const large = { path: 'dates.json', content: ' '.repeat(4 * 2 ** 20 + 1) }
    assert.match(await problemOf([large, zip]), 'dates.json may have')
    assert.match(await problemOf([{ ...dates({}), content: '{"a":'.repeat(1000) }, zip]), 'JSON')
    const [refused] = await importTar([dates(four), zip], publisher)
    assert.equal([refused?.['code'], refused?.['outcome']], ['forbidden', 'refused'])
    assert.match(await problemOf([zip, dates(four)]), 'must be the first file')
  })
})
