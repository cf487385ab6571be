import { request } from 'node:http'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { gzipSync } from 'node:zlib'
import * as assert from 'uvu/assert'
import { adminToken } from '../support/api.ts'
import { openPublishing, packageZip, publications } from '../support/publishing.ts'
import { describe } from '../support/suite.ts'
import { tar } from '../support/tar.ts'

interface Line {
  readonly entry?: string
  readonly outcome?: string
  readonly package?: string
  readonly version?: string
  readonly detail?: string
  readonly code?: string
  readonly complete?: boolean
}

async function open() {
  const service = await openPublishing()
  async function send(body: Buffer, query = ''): Promise<readonly Line[]> {
    const answer = await service.api('POST', `/api/v1/packages/import${query}`, { body })
    assert.is(answer.status, 200)
    assert.is(answer.headers['content-type'], 'application/x-ndjson')
    return String(answer.body)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
  }
  return { ...service, send }
}

const file = (path: string, content: Buffer | string) => ({ path, content })

describe('an import', open, (test) => {
  test('publishes each zip of a tar, tells of each, and stops for none', async (service) => {
    const { send, served } = service
    const lines = await send(
      tar([
        file('a.zip', packageZip({ name: 'own/log', version: '1.0.0' })),
        file('own/log/1.1.0.zip', packageZip({ name: 'own/log' })),
        file('some/where/own/log/dev-a%2Fb.zip', packageZip({ name: 'own/log' }, 'b')),
        file('own/log/1.2.0.zip', packageZip({ name: 'own/log' }).subarray(0, -1)),
        file('b.zip', packageZip({ name: 'own/log' })),
        file('c.zip', packageZip({ version: '1.0.0' })),
        file('notes.txt', 'ignored'),
        file('d.zip', packageZip({ name: 'own/log', version: '1.0.0' }, 'other')),
        file('e.zip', packageZip({ name: 'own-b/x', version: '1.0.0' })),
      ]),
    )
    assert.equal(
      lines.map(({ entry, outcome, code }) => [entry, code ?? outcome]),
      [
        ['a.zip', 'published'],
        ['own/log/1.1.0.zip', 'published'],
        ['some/where/own/log/dev-a%2Fb.zip', 'published'],
        ['own/log/1.2.0.zip', 'package_invalid'],
        ['b.zip', 'package_invalid'],
        ['c.zip', 'package_invalid'],
        ['d.zip', 'version_exists'],
        ['e.zip', 'published'],
        [undefined, undefined],
      ],
    )
    assert.match(lines[3]?.detail ?? '', 'cut off')
    assert.match(lines[4]?.detail ?? '', 'call the entry own/log/1.2.0.zip')
    assert.match(lines[5]?.detail ?? '', 'must have a name such as acme/log')
    assert.equal(lines.at(-1), {
      complete: true,
      published: 4,
      unchanged: 0,
      moved: 0,
      refused: 4,
      ignored: 1,
    })
    assert.equal(await served('own/log'), ['1.1.0', '1.0.0'])
    assert.equal(await served('own/log', 'branches'), ['dev-a/b'])
  })

  test('sent again changes nothing', async (service) => {
    const before = (await publications(service)).length
    const lines = await service.send(
      tar([file('a.zip', packageZip({ name: 'own/log', version: '1.0.0' }))]),
    )
    assert.is(lines[0]?.outcome, 'unchanged')
    assert.is((await publications(service)).length, before)
  })

  test('claims a public vendor only when it is told to', async ({ get, send }) => {
    await get('/p2/acme/log.json')
    const body = tar([file('acme/own/1.0.0.zip', packageZip({ name: 'acme/own' }))])
    assert.is((await send(body))[0]?.code, 'vendor_is_public')
    assert.is((await send(body, '?claim=true'))[0]?.outcome, 'published')
  })

  test('of what is no tar, or is cut off, says so in its last line', async ({ send }) => {
    const whole = tar([file('a.zip', packageZip({ name: 'own/log', version: '7.0.0' }))])
    for (const body of [gzipSync(whole), Buffer.from('x'.repeat(600)), whole.subarray(0, 600)]) {
      const last = (await send(body)).at(-1)
      assert.is(last?.complete, false)
      assert.match(last?.detail ?? '', 'no tar, or is cut off')
    }
    assert.equal((await send(Buffer.alloc(0))).length, 1)
  })

  test('tells of the first zip while the others are still to come', async ({ url }) => {
    const headers = { authorization: `Bearer ${adminToken}` }
    const sending = request(`${url}/api/v1/packages/import`, { method: 'POST', headers })
    const first = tar([file('a.zip', packageZip({ name: 'own/early', version: '1.0.0' }))])
    sending.write(first.subarray(0, -1024))
    const [response] = await once(sending, 'response')
    const lines = createInterface({ input: response as NodeJS.ReadableStream })
    const told = lines[Symbol.asyncIterator]()
    assert.match((await told.next()).value, '"own/early"')
    sending.end(tar([file('b.zip', packageZip({ name: 'own/early', version: '1.0.1' }))]))
    assert.match((await told.next()).value, '"1.0.1"')
    assert.match((await told.next()).value, '"complete":true')
  })
})
