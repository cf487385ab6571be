import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import * as assert from 'uvu/assert'
import { FetchCause } from '../../src/events/types.ts'
import { alsoAt, createAddressGuard } from '../../src/upstream/address-guard.ts'
import { causeOfCode, reasonOf, type Why, wordsFor } from '../../src/upstream/causes.ts'
import { createUpstream, requestBody } from '../../src/upstream/client.ts'
import { noAnswerOf } from '../../src/upstream/failures.ts'
import type { Resolve } from '../../src/upstream/public-addresses.ts'
import { metadataTimeouts, type Timeouts } from '../../src/upstream/timeouts.ts'
import { freePort } from '../support/free-port.ts'
import { cut, hang, openRig, reset, type Serve, status } from '../support/scripted-upstream.ts'
import { describe, rejection } from '../support/suite.ts'

interface Asked {
  readonly url: string
  readonly upstreamUrl?: string
  readonly resolve?: Resolve
  readonly timeouts?: Partial<Timeouts>
}

/** What asking once comes to, and what asking again at once does. */
async function wordsOf({ url, upstreamUrl = url, resolve, timeouts = {} }: Asked) {
  const upstream = createUpstream({
    upstreamUrl,
    userAgent: 'test',
    now: () => 0,
    random: () => 0,
    ...(resolve !== undefined && { resolve }),
  })
  const client = upstream.client({
    guard: createAddressGuard(upstreamUrl, alsoAt('https://api.github.com')),
    timeouts: { ...metadataTimeouts(20_000), ...timeouts },
  })
  const noAnswer = async () => {
    const asked = requestBody(client, url, { sizeBytesMax: 1000 })
    return noAnswerOf(await rejection(asked), url)
  }
  // Three tries make it three failures, and five close the way.
  const first = await noAnswer()
  await noAnswer()
  return [first, await noAnswer()].map(({ outcome, why }) => `${outcome}: ${why && wordsFor(why)}`)
}

function bothOf(words: string, isRetried = true): readonly string[] {
  return [`failed: ${words}`, `${isRetried ? 'paused' : 'failed'}: ${words}`]
}

function failing(code: string): Resolve {
  return (host, _options, done) => {
    const error = Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code })
    process.nextTick(() => done(error, []))
  }
}

const found =
  (...addresses: readonly LookupAddress[]): Resolve =>
  (_host, _options, done) =>
    process.nextTick(() => done(null, [...addresses]))

/** A server that isn't HTTP's. */
async function listenRaw(answer: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => answer(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return { host: `127.0.0.1:${address.port}`, close: () => server.close() }
}

describe('why upstream gives no answer', openRig, (test) => {
  const github = 'https://api.github.com/x'
  test('is told in words, and again while it is left alone', async () => {
    const host = `127.0.0.1:${await freePort()}`
    const refused = await wordsOf({ url: `http://${host}/x` })
    assert.equal(refused, bothOf(`${host} could not be reached: connection refused`))
  })

  for (const [code, words] of [
    ['ENOTFOUND', 'name not found'],
    ['EAI_AGAIN', 'its name could not be looked up, since the name server gave no answer'],
  ] as const) {
    test(`is told of a name that can't be resolved: ${code}`, async ({ url: upstreamUrl }) => {
      const asked = { url: github, upstreamUrl, resolve: failing(code) }
      assert.equal(await wordsOf(asked), bothOf(`api.github.com could not be reached: ${words}`))
    })
  }

  test('never has an address that a name leads to', async ({ url: upstreamUrl }) => {
    const resolve = found({ address: '10.1.2.3', family: 4 })
    const [words = ''] = await wordsOf({ url: github, upstreamUrl, resolve })
    const expected =
      'api.github.com could not be reached: its name has an address that is not public'
    assert.is(words, `failed: ${expected}`)
  })

  const timeouts = { headMs: 50, idleMs: 50 }
  const served: readonly [
    string,
    Serve,
    (host: string) => readonly string[],
    Partial<Timeouts>?,
  ][] = [
    ['a reset', reset, (host) => bothOf(`${host} could not be reached: the connection broke off`)],
    ['a cut', cut, (host) => bothOf(`${host} could not be reached: the connection broke off`)],
    [
      'silence',
      hang,
      (host) => bothOf(`${host} could not be reached: waiting for its answer timed out`),
      timeouts,
    ],
    [
      'a redirect',
      status(302, { location: 'http://10.0.0.7/secret' }),
      (host) => bothOf(`${host} redirects to where nothing is asked`, false),
    ],
  ]
  for (const [what, serve, expected, limits = {}] of served) {
    test(`is told of ${what}`, async (rig) => {
      rig.start(serve)
      const words = await wordsOf({ url: `${rig.url}/x`, timeouts: limits })
      assert.equal(words, expected(new URL(rig.url).host))
    })
  }

  test('is told of what answers otherwise than in HTTP, or than in TLS', async () => {
    const { host, close } = await listenRaw((socket) => socket.end('-ERR no such thing\r\n'))
    const words = 'what answers there does not speak HTTP as it should'
    assert.equal(
      await wordsOf({ url: `http://${host}/` }),
      bothOf(`${host} could not be reached: ${words}`),
    )
    const tls = await wordsOf({ url: `https://${host}/` })
    close()
    assert.equal(tls, bothOf(`${host} could not be reached: TLS could not be agreed on`))
  })

  test('is a cause for each code of an error that certificates have', () => {
    const codes = {
      UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate_untrusted',
      UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate_untrusted',
      SELF_SIGNED_CERT_IN_CHAIN: 'certificate_untrusted',
      DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate_untrusted',
      CERT_HAS_EXPIRED: 'certificate_expired',
      CERT_NOT_YET_VALID: 'certificate_expired',
      ERR_TLS_CERT_ALTNAME_INVALID: 'certificate_of_another_name',
      CERT_REVOKED: 'certificate_invalid',
      INVALID_CA: 'connection',
      ERR_SSL_WRONG_VERSION_NUMBER: 'tls_failed',
      ETIMEDOUT: 'connecting_timed_out',
      EHOSTUNREACH: 'no_route',
      ERR_OF_TOMORROW: 'connection',
    }
    const causes = Object.keys(codes).map((code) => [code, causeOfCode(code)])
    assert.equal(Object.fromEntries(causes), codes)
    const words = wordsFor({ cause: 'certificate_untrusted', host: 'repo.example' })
    assert.match(words, 'NODE_EXTRA_CA_CERTS')
  })

  test('has words of its own for each cause, on one line, with the host and no more', () => {
    const words = FetchCause.options.map((cause) => {
      const why: Why = { cause, status: 502, host: 'repo.example' }
      assert.ok(FetchCause.options.includes(reasonOf(cause)))
      return wordsFor(why)
    })
    assert.is(new Set(words).size, words.length)
    for (const each of words) assert.match(each, /^repo\.example [ -~]{10,140}[^.]$/)
    assert.is(wordsFor({ cause: 'status', status: 502, host: 'h' }), 'h answered 502 (Bad Gateway)')
    assert.is(wordsFor({ cause: 'status', status: 799, host: 'h' }), 'h answered 799')
  })
})
