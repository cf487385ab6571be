import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import * as assert from 'uvu/assert'
import { distTypes } from '../../src/composer/dist-types.ts'
import { distOf } from '../support/dist.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import { rawTar } from '../support/tars/raw.ts'

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

const packages = distTypes.map((distType) => ({
  name: `types/${distType}`,
  ...packed,
  distType,
  tags,
}))
const sealed = ['xz', 'rar', 'phar'] as const

describe(
  'archives of every type that Composer downloads',
  async () =>
    await startService({
      settings: { PROXY_UNCHECKED_TYPES: sealed.join(',') },
      upstream: { packages },
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
        assert.is((await get(`${path}/app.phar`)).statusCode, 200, 'also under a name')
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
  'archives that nobody can look through',
  async () => {
    const lines: string[] = []
    const onLogLine = (line: string) => void lines.push(line)
    return { lines, ...(await startService({ upstream: { packages }, onLogLine })) }
  },
  (test) => {
    for (const type of sealed) {
      test(`${type}: are refused, with what would let them pass`, async (service) => {
        const { get, upstream, lines } = service
        const { reference } = await distOf(service, `types/${type}`, '1.0.0')
        const answer = await get(`/dist-proxy/types/${type}/1.0.0.0/${reference}.${type}`)
        assert.is(answer.statusCode, 502)
        assert.match(answer.body.toString(), `can't be looked through, being ${type}`)
        assert.match(answer.body.toString(), 'PROXY_UNCHECKED_TYPES')
        assert.match(lines.join(''), '"alert":"archive_refused"')
        const kept = (await service.events()).filter(({ type: each }) => each === 'ArchiveStored')
        assert.equal(kept, [])
        upstream.forget()
      })
    }

    test('include a tar that is packed with bzip2', async (service) => {
      const { get, upstream } = service
      const { reference } = await distOf(service, 'types/tar', '1.0.0')
      const clear = upstream.fail({ match: distRequests, mode: 'own-words', body: 'BZh91AY&SY' })
      const answer = await get(`/dist-proxy/types/tar/1.0.0.0/${reference}.tar`)
      clear()
      assert.is(answer.statusCode, 502)
      assert.match(answer.body.toString(), "can't be looked through, being bzip2")
    })
  },
)

/** "A tar with …", what is said of it, and the tar. */
const evilTars: readonly (readonly [string, string, Buffer])[] = [
  ['a path that goes up', 'a name that leads out', rawTar([{ name: '../evil.txt' }])],
  ['an absolute path', 'a name that leads out', rawTar([{ name: '/etc/cron.d/evil' }])],
  [
    'a link to /etc',
    'a link that leads out',
    rawTar([{ name: 'a' }, { name: 'etc', type: '2', linkName: '/etc' }]),
  ],
  [
    'a bomb in it',
    '100 times',
    gzipSync(rawTar([{ name: 'a', content: Buffer.alloc(60_000_000) }])),
  ],
  ['half of its gzip', 'cut off', gzipSync(rawTar([{ name: 'a' }])).subarray(0, 30)],
]

describe(
  'a tar of upstream',
  async () => await startService({ upstream: { packages } }),
  (test) => {
    for (const [what, problem, body] of evilTars) {
      test(`with ${what} is refused, and not kept`, async (service) => {
        const { get, upstream } = service
        const { reference } = await distOf(service, 'types/tar', '1.0.0')
        const path = `/dist-proxy/types/tar/1.0.0.0/${reference}.tar`
        const clear = upstream.fail({ match: distRequests, mode: 'own-words', body })
        const answer = await get(path)
        clear()
        assert.is(answer.statusCode, 502)
        assert.match(answer.body.toString(), problem)
        assert.equal(await service.database.db.selectFrom('blob').selectAll().execute(), [])
      })
    }

    test('is known by its files once it was kept', async (service) => {
      const { get } = service
      const { reference } = await distOf(service, 'types/tar', '1.0.0')
      assert.is((await get(`/dist-proxy/types/tar/1.0.0.0/${reference}.tar`)).statusCode, 200)
      const stored = (await service.events()).find(({ type }) => type === 'ArchiveStored')
      assert.ok(stored?.type === 'ArchiveStored' && stored.data.treeSha256 !== undefined)
    })
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
