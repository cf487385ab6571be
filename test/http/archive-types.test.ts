import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import { distTypes } from '../../src/composer/dist-types.ts'
import { distOf } from '../support/dist.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const md5 = (text: string) => createHash('md5').update(text).digest('hex')
const distRequests = /^\/dist\//
const packed = { description: '', branches: { main: ['2024-01-01'] } }
const tags = [['1.0.0', '2024-01-02']] as const
const contentTypes = {
  zip: 'application/zip',
  tar: 'application/x-tar',
  gzip: 'application/gzip',
  xz: 'application/x-xz',
  rar: 'application/vnd.rar',
  phar: 'application/octet-stream',
  file: 'application/octet-stream',
}

describe(
  'archives of every type that Composer downloads',
  async () =>
    await startService({
      upstream: {
        packages: distTypes.map((distType) => ({
          name: `types/${distType}`,
          ...packed,
          distType,
          tags,
        })),
      },
    }),
  (test) => {
    for (const type of distTypes) {
      test(`${type}: are served as upstream sent them, under a type of their own`, async (service) => {
        const { get, upstream } = service
        const name = `types/${type}`
        const { url, reference } = await distOf(service, name, '1.0.0')
        const path = `/dist-proxy/${name}/1.0.0.0/${reference}.${type}`
        const answer = await get(path)
        assert.is(answer.statusCode, 200)
        assert.is(answer.headers['content-type'], contentTypes[type])
        const theirs = Buffer.from(await (await fetch(url)).arrayBuffer())
        assert.ok(answer.body.equals(theirs))
        upstream.forget()
        assert.is((await get(`${path}/tool.phar`)).statusCode, 200, 'also under a name')
        assert.is((await get(path.replace(/\w+$/, 'other'))).statusCode, 404)
        const wrong = type === 'zip' ? 'tar' : 'zip'
        assert.is((await get(path.replace(/\w+$/, wrong))).statusCode, 404, 'it is no other type')
        assert.is(upstream.requestsFor(distRequests).length, 0)
      })
    }

    for (const type of distTypes.filter((each) => each !== 'file')) {
      test(`${type}: a login page in place of one is not kept`, async (service) => {
        const { get, upstream } = service
        const { reference } = await distOf(service, `types/${type}`, 'dev-main')
        const path = `/dist-proxy/types/${type}/dev-main/${reference}.${type}`
        const clear = upstream.fail({ match: distRequests, mode: 'html' })
        assert.is((await get(path)).statusCode, 502)
        clear()
        assert.is((await get(path)).statusCode, 200)
      })
    }
  },
)

describe(
  'archives without a commit in their URL',
  async () =>
    await startService({
      upstream: {
        packages: [
          { name: 'odd/named', ...packed, distReference: 'version', tags },
          { name: 'odd/bare', ...packed, distReference: 'none', tags },
        ],
      },
    }),
  (test) => {
    test('are found by the hash of a reference that is not hex', async ({ get }) => {
      const paths = [
        `/dist-proxy/odd/named/1.0.0.0/${md5('1.0.0')}.zip`,
        `/dist-proxy/odd/named/dev-main/${md5('main')}.zip`,
      ]
      for (const path of paths) assert.is((await get(path)).statusCode, 200, path)
    })

    test('are found by their version alone when they have no reference', async (service) => {
      const { get, upstream } = service
      const [tagged, branch] = [
        await get('/dist-proxy/odd/bare/1.0.0.0/.zip'),
        await get('/dist-proxy/odd/bare/dev-main/.zip'),
      ]
      assert.equal([tagged.statusCode, branch.statusCode], [200, 200])
      assert.not.ok(tagged.body.equals(branch.body))
      upstream.forget()
      assert.is((await get('/dist-proxy/odd/bare/1.0.0.0/.zip')).statusCode, 200)
      assert.is((await get('/dist-proxy/odd/bare/2.0.0.0/.zip')).statusCode, 404)
      assert.is(upstream.requestsFor(distRequests).length, 0)
    })
  },
)
