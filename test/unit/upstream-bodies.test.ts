import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import * as assert from 'uvu/assert'
import { DocumentName } from '../../src/composer/names.ts'
import type { Instant } from '../../src/time-machine/instant.ts'
import { documentUrl, fetchMetadata, type MetadataAnswer } from '../../src/upstream/metadata.ts'
import { createClock } from '../support/clock.ts'
import { openRig, type Rig, type Serve } from '../support/scripted-upstream.ts'
import { describe } from '../support/suite.ts'

const document = DocumentName.parse('acme/log')
const text = JSON.stringify({ packages: {} })
const blanks = Buffer.alloc(9 * 1024 * 1024, ' ')

function body(content: Buffer, encoding?: string | readonly string[]): Serve {
  return (_, response) => {
    if (encoding !== undefined) response.setHeader('content-encoding', encoding)
    response.end(content)
  }
}

async function fetched(
  { start, url }: Rig,
  serve: Serve,
  known?: Instant,
): Promise<MetadataAnswer> {
  const { client } = start(serve)
  return await fetchMetadata(client, documentUrl(url, document), known)
}

/** How an answer fails that has a status of no use. */
function failedBy({ url }: Rig, status: number): MetadataAnswer {
  const why = { cause: 'status', status, host: new URL(url).host } as const
  return { outcome: 'failed', reason: 'status', status, why }
}

async function outcomeOf(rig: Rig, serve: Serve): Promise<string> {
  const answer = await fetched(rig, serve)
  if (answer.outcome === 'body') return answer.body.toString()
  return answer.outcome === 'failed' ? answer.reason : answer.outcome
}

describe('the body of metadata', openRig, (test) => {
  const good: readonly [string, Serve][] = [
    ['plain', body(Buffer.from(text))],
    ['plain, and called so', body(Buffer.from(text), 'identity')],
    ['gzip', body(gzipSync(text), 'gzip')],
    ['gzip in capitals', body(gzipSync(text), 'GZIP')],
    ['deflate', body(deflateSync(text), 'deflate')],
    ['br', body(brotliCompressSync(text), 'br')],
  ]
  for (const [what, serve] of good) {
    test(`may be ${what}`, async (rig) => assert.is(await outcomeOf(rig, serve), text))
  }

  const bad: readonly [string, Serve, string][] = [
    ['gzip that is cut off', body(gzipSync(text).subarray(0, -9), 'gzip'), 'invalid_encoding'],
    ['no gzip at all', body(Buffer.from(text), 'gzip'), 'invalid_encoding'],
    ['gzip twice', body(gzipSync(gzipSync(text)), 'gzip, gzip'), 'invalid_encoding'],
    ['gzip in two headers', body(gzipSync(text), ['gzip', 'gzip']), 'invalid_encoding'],
    ['something unheard of', body(Buffer.from(text), 'zip'), 'invalid_encoding'],
    ['named like a property', body(Buffer.from(text), 'constructor'), 'invalid_encoding'],
    ['a gzip of too much', body(gzipSync(blanks), 'gzip'), 'too_large'],
    ['a deflate of too much', body(deflateSync(blanks), 'deflate'), 'too_large'],
    ['a br of too much', body(brotliCompressSync(blanks), 'br'), 'too_large'],
    ['too much', body(blanks), 'too_large'],
    ['too much that is no gzip either', body(blanks, 'gzip'), 'too_large'],
  ]
  for (const [what, serve, reason] of bad) {
    test(`must not be ${what}, which is not asked for again`, async (rig) => {
      assert.is(await outcomeOf(rig, serve), reason)
      assert.is(rig.requests.length, 1)
    })
  }

  test('is as long as was announced, whatever it is said to be', async (rig) => {
    const short: Serve = (_, response) => {
      response.writeHead(200, { 'content-length': '1000', 'content-encoding': 'gzip' })
      response.write(gzipSync(text), () => response.socket?.destroy())
    }
    assert.is(await outcomeOf(rig, short), 'connection')
    assert.is(rig.requests.length, 3)
  })

  test('is not looked at when the status says that there is none', async (rig) => {
    const empty =
      (status: number): Serve =>
      (_, response) =>
        void response.writeHead(status, { 'content-encoding': 'gzip' }).end()
    const known = createClock().now()
    assert.equal(await fetched(rig, empty(304), known), { outcome: 'not_modified' })
    assert.equal(await fetched(rig, empty(404)), { outcome: 'missing', status: 404 })
    assert.equal(await fetched(rig, empty(410)), { outcome: 'missing', status: 410 })
    const failed = failedBy(rig, 204)
    assert.equal(await fetched(rig, empty(204)), failed)
  })

  test('is not "not modified" when nobody asked whether it is', async (rig) => {
    const failed = failedBy(rig, 304)
    assert.equal(await fetched(rig, (_, response) => void response.writeHead(304).end()), failed)
  })

  test('is not asked for while upstream is given a pause', async (rig) => {
    const { client } = rig.start((_, response) => {
      response.writeHead(429, { 'retry-after': '30' }).end()
    })
    const ask = async () => {
      return await fetchMetadata(client, documentUrl(rig.url, document), undefined)
    }
    const why = { cause: 'told_to_wait', status: 429, host: new URL(rig.url).host } as const
    assert.equal(await ask(), { outcome: 'failed', reason: 'status', status: 429, why })
    assert.equal(await ask(), { outcome: 'paused', retryAfterSeconds: 30, why })
    assert.is(rig.requests.length, 1)
  })
})
