import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import { checkListed } from '../support/cache.ts'
import { times } from '../support/long.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const readers = 50
const evictionsWanted = Number(process.env['TEST_EVICTIONS'] ?? times(60, 600))
const kilobyte = 1000

/** Archives that PostgreSQL gives at once with what is to know of them, and such as are read in a second step. */
async function open() {
  const packages = [
    { name: 'acme/small', count: 60, ballastBytes: 4 * kilobyte },
    { name: 'acme/medium', count: 4, ballastBytes: 280 * kilobyte },
  ]
  const service = await startService({
    settings: { ARCHIVE_MEMORY_BYTES: '0', PROXY_MAX_CACHE_SIZE: String(400 * kilobyte) },
    upstream: {
      packages: packages.map(({ name, count, ballastBytes }) => ({
        name,
        description: 'Has archives',
        ballastBytes,
        tags: Array.from({ length: count }, (_, n) => [`1.${n}.0`, '2025-01-01'] as const),
        branches: { main: ['2025-01-01'] },
      })),
    },
  })
  const paths = []
  for (const { name } of packages) {
    const { body } = await service.get(`/p2/${name}.json`)
    const named = body.toString().matchAll(/"version":"([^"]+)".*?"dist":.*?"reference":"([^"]+)"/g)
    for (const [, version, reference] of named) {
      paths.push(`/dist-proxy/${name}/${version}.0/${reference}.zip`)
    }
  }
  return { ...service, paths }
}

describe('reading while others are evicted and stored again', open, (test) => {
  test(`${readers} readers get all bytes and the right ones, over ${evictionsWanted} evictions`, async (service) => {
    const { get, paths, log, runJob, database } = service
    const hashes = new Map<string, string>()
    let evictions = 0
    const isEnough = () => evictions >= evictionsWanted
    let answers = 0
    async function read(path: string): Promise<void> {
      const { statusCode, body, headers } = await get(path)
      assert.is(statusCode, 200, `${path}: ${body.toString('utf8', 0, 200)}`)
      const hash = createHash('sha256').update(body).digest('hex')
      assert.is(hash, hashes.get(path) ?? hash, path)
      if (headers.etag !== undefined) assert.is(headers.etag, `"${hash}"`)
      hashes.set(path, hash)
      answers += 1
    }
    async function reader(first: number): Promise<void> {
      // Each in steps of its own, so that all meet again and again, and never in the same way.
      const step = 2 * first + 1
      for (let at = first; !isEnough(); at += step) {
        await read(paths[at % paths.length] ?? '')
      }
    }
    async function count(): Promise<void> {
      let position = 0n
      while (!isEnough()) {
        const events = await log.read(position, 1000)
        position = events.at(-1)?.position ?? position
        evictions += events.filter(({ type }) => type === 'ArchiveEvicted').length
        await read(paths[0] ?? '')
      }
    }
    await Promise.all([
      count(),
      ...Array.from({ length: readers }, async (_, n) => await reader(n)),
    ])
    assert.ok(answers > evictionsWanted)
    await runJob('cleanup')
    await checkListed(database.db)
  })
})
