import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import * as assert from 'uvu/assert'
import { adminToken } from '../support/api.ts'
import { openPublishing, packageZip, publications, putTo } from '../support/publishing.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import { zip } from '../support/zip.ts'

const good = { name: 'own/log' }

/** What is sent, and what the answer says. */
const refusals: readonly (readonly [string, Buffer, RegExp])[] = [
  ['1.0.0', Buffer.from('no zip'), /it is not a zip/],
  ['1.0.0', Buffer.alloc(0), /it is not a zip/],
  ['1.0.0', packageZip(good).subarray(0, -30), /cut off/],
  ['1.0.0', zip([{ path: '../a', content: 'x' }]), /leads out/],
  ['1.0.0', zip([{ path: 'README', content: 'x' }]), /put a composer\.json at its root/],
  [
    '1.0.0',
    zip([
      { path: 'a/composer.json', content: JSON.stringify(good) },
      { path: 'b/x', content: 'x' },
    ]),
    /put a composer\.json at its root/,
  ],
  ['1.0.0', zip([{ path: 'composer.json', content: ' '.repeat(1_048_577) }]), /1048576 bytes/],
  ['1.0.0', packageZip('{'), /JSON object/],
  ['1.0.0', packageZip('[]'), /JSON object/],
  ['1.0.0', packageZip('\ufeff{}'), /JSON object/],
  ['1.0.0', packageZip({}), /must have the name own\/log/],
  ['1.0.0', packageZip({ name: 'own/other' }), /must have the name own\/log/],
  ['1.0.0', packageZip({ ...good, version: '1.0.1' }), /must have the version 1\.0\.0/],
  ['1.0.0', packageZip({ ...good, version: 1 }), /must have the version 1\.0\.0/],
  ['newest', packageZip(good), /one that Composer knows/],
  ['1.0.0%20as%202.0.0', packageZip(good), /one that Composer knows/],
  ['dev-100%25', packageZip(good), /one that Composer knows/],
  [
    '1.0.0',
    packageZip({ ...good, require: { php: 'eight' } }),
    /`require\.php` must be a constraint/,
  ],
]

describe('a zip that can’t be published', openPublishing, (test) => {
  for (const [index, [version, body, says]] of refusals.entries()) {
    test(`is refused and the answer says what to do (${index}: ${says})`, async ({ put }) => {
      const { status, problem } = await put(`own/log/${version}`, body)
      assert.equal([status, problem.code], [422, 'package_invalid'], problem.detail)
      assert.match(problem.detail, says)
    })
  }

  test('leaves nothing behind', async (service) => {
    const { db } = service.database
    assert.equal(await db.selectFrom('blob').selectAll().execute(), [])
    assert.equal(await publications(service), [])
  })

  test('may be a form, or too large, and is not even read', async ({ put, api }) => {
    const form = { headers: { 'content-type': 'multipart/form-data; boundary=x' } }
    assert.is((await put('own/log/1.0.0', packageZip(good), form)).status, 415)
    const { status } = await api('PUT', '/api/v1/packages/Own/Log/1.0.0', { body: 'x' })
    assert.is(status, 404)
  })
})

describe('a zip past 500 MiB', startService, (test) => {
  test('is refused by the size that is announced, before any of it is sent', async ({ url }) => {
    const headers = {
      authorization: `Bearer ${adminToken}`,
      'content-length': String(500 * 1024 * 1024 + 1),
    }
    const sending = request(`${url}/api/v1/packages/own/log/1.0.0`, { method: 'PUT', headers })
    sending.on('error', () => undefined) // It is left in the middle.
    sending.flushHeaders()
    const [answer] = (await once(sending, 'response')) as [IncomingMessage] // as Node says
    assert.is(answer.statusCode, 413)
    sending.destroy()
  })
})

const full = async () => await startService({ hasRoomOnDisk: async () => false })

describe('a full disk', full, (test) => {
  test('is said before anything is written', async (service) => {
    const { status, problem } = await putTo(service)('own/log/1.0.0', packageZip(good))
    assert.equal([status, problem.code], [507, 'no_room'])
    assert.match(problem.detail, 'free space on the disk')
  })
})
