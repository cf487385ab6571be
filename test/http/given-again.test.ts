import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import * as assert from 'uvu/assert'
import { adminToken } from '../support/api.ts'
import { distOf } from '../support/dist.ts'
import { packageZip, putTo } from '../support/publishing.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const sizes = { small: 1_000, large: 900_000, other: 950_000 } as const

/** Archives that were asked for before, and what is known of them. */
const opening = (settings: Readonly<Record<string, string>>) => async () => {
  const lines: string[] = []
  const service = await startService({
    settings,
    logLevel: 'info',
    onLogLine: (line) => void lines.push(line),
    upstream: {
      packages: Object.entries(sizes).map(([name, ballastBytes]) => ({
        name: `acme/${name}`,
        description: 'Has an archive',
        ballastBytes,
        tags: [['1.0.0', '2025-01-01']],
        branches: { main: ['2025-01-01'] },
      })),
    },
  })
  const archive = async (name: keyof typeof sizes) => {
    const { reference } = await distOf(service, `acme/${name}`, '1.0.0')
    const path = `/dist-proxy/acme/${name}/1.0.0.0/${reference}.zip`
    const headers = { authorization: `Bearer ${adminToken}` }
    const { body } = await service.get(path, headers)
    return { path, body, sha256: createHash('sha256').update(body).digest('hex') }
  }
  const [small, large, other] = await Promise.all([
    archive('small'),
    archive('large'),
    archive('other'),
  ])
  return { ...service, lines, small, large, other }
}

async function hits({ get }: { readonly get: (path: string) => Promise<{ body: Buffer }> }) {
  const text = (await get('/metrics')).body.toString()
  return Number(
    /^cache_requests_total\{kind="archives",result="hit"\} (\d+)$/m.exec(text)?.[1] ?? 0,
  )
}

/** The bodies of all answers on a connection, by their lengths. */
function bodiesIn(answers: Buffer): readonly Buffer[] {
  const bodies = []
  for (let rest = answers; rest.length > 0;) {
    const end = rest.indexOf('\r\n\r\n') + 4
    const head = rest.subarray(0, end).toString('latin1')
    assert.match(head, /^HTTP\/1\.1 200 /)
    const bytes = Number(/^content-length: (\d+)/im.exec(head)?.[1])
    bodies.push(rest.subarray(end, end + bytes))
    rest = rest.subarray(end + bytes)
  }
  return bodies
}

/** A client that sends many requests at once, and takes nothing before it is told to. */
function greedy(url: string, path: string, count: number): Socket {
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.pause()
  const request = `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n`
  socket.write(`${request}\r\n`.repeat(count - 1) + `${request}Connection: close\r\n\r\n`)
  return socket
}

for (const [place, bytes] of [
  ['memory', '100000000'],
  ['PostgreSQL', '0'],
] as const) {
  describe(
    `an archive that is given again from ${place}`,
    opening({ ARCHIVE_MEMORY_BYTES: bytes }),
    (test) => {
      test('is the same, and each time an answer of its own', async (service) => {
        const { get, small, lines } = service
        lines.splice(0)
        const answers = []
        for (let n = 0; n < 5; n++)
          answers.push(await get(small.path, { 'x-request-id': `request-${n}` }))
        const [{ headers: first } = { headers: {} }] = answers
        for (const [n, { statusCode, headers, body }] of answers.entries()) {
          assert.is(statusCode, 200)
          assert.ok(body.equals(small.body))
          assert.equal(
            { ...headers, date: '', 'x-request-id': '' },
            { ...first, date: '', 'x-request-id': '' },
          )
          assert.is(headers['x-request-id'], `request-${n}`)
        }
        assert.equal(
          lines
            .map((line): unknown => JSON.parse(line))
            .map((line) => ({ ...Object(line) }).requestId),
          [0, 1, 2, 3, 4].map((n) => `request-${n}`),
        )
      })

      test('is counted, and its use is noted, each time', async (service) => {
        const { get, small, runJob, events } = service
        await runJob('archive accesses')
        const before = await hits(service)
        for (let n = 0; n < 5; n++) await get(small.path)
        assert.is(await hits(service), before + 5)
        await runJob('archive accesses')
        const last = (await events()).findLast(({ type }) => type === 'ArchivesAccessed')
        assert.match(JSON.stringify(last?.data), `"count":5,"bytes":${5 * small.body.length}`)
      })

      test('is given otherwise to who asks otherwise', async ({ get, url, small }) => {
        const { etag = '' } = (await get(small.path)).headers
        assert.is((await get(small.path, { range: 'bytes=0-9' })).body.length, 10)
        assert.is((await get(small.path, { 'if-none-match': etag })).statusCode, 304)
        const head = await fetch(url + small.path, { method: 'HEAD' })
        assert.is(head.headers.get('content-length'), String(small.body.length))
        assert.is((await fetch(url + small.path, { method: 'POST' })).status, 405)
        assert.ok((await get(small.path)).body.equals(small.body))
      })

      test('arrives as it is at clients that take it late', async ({ get, url, large, other }) => {
        await get(large.path)
        const clients = [1, 2, 3].map(() => greedy(url, large.path, 10))
        // These use the memory again of what has been sent, and of nothing else.
        for (let n = 0; n < 10; n++) {
          await Promise.all(Array.from({ length: 8 }, async () => await get(other.path)))
        }
        for (const client of clients) {
          const bodies = bodiesIn(await buffer(client))
          assert.is(bodies.length, 10)
          for (const body of bodies) {
            assert.is(createHash('sha256').update(body).digest('hex'), large.sha256)
          }
        }
      })

      test('is not given to anybody once its vendor is ours', async (service) => {
        const { get, small } = service
        for (let n = 0; n < 2; n++) assert.is((await get(small.path)).statusCode, 200)
        const composerJson = { name: 'acme/own', description: 'Ours' }
        const path = 'acme/own/1.0.0?claim=true'
        assert.is((await putTo(service)(path, packageZip(composerJson))).status, 201)
        assert.is((await get(small.path)).statusCode, 401)
      })
    },
  )
}

describe('an archive that not everybody may have', opening({ PUBLIC_READ: 'false' }), (test) => {
  test('is not given again to who may not', async ({ get, small }) => {
    const headers = { authorization: `Bearer ${adminToken}` }
    for (let n = 0; n < 3; n++) {
      assert.is((await get(small.path)).statusCode, 401)
      const allowed = await get(small.path, headers)
      assert.is(allowed.statusCode, 200)
      assert.match(allowed.headers['cache-control'] ?? '', 'private')
    }
  })
})
