import { lookup } from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import * as assert from 'uvu/assert'
import { AppError } from '../../src/errors.ts'
import { createAddressGuard } from '../../src/upstream/address-guard.ts'
import { createUpstream, requestBody, type UpstreamClient } from '../../src/upstream/client.ts'
import { UpstreamFailure } from '../../src/upstream/failures.ts'
import type { Resolve } from '../../src/upstream/public-addresses.ts'
import { relayQuestion } from '../../src/upstream/relay.ts'
import { metadataTimeouts } from '../../src/upstream/timeouts.ts'
import { watchConnections } from '../support/connections.ts'
import { forbiddenUrls, hostsOf, privateHosts } from '../support/hostile-urls.ts'
import { describe, rejection } from '../support/suite.ts'

/** An upstream on the loopback, and clients of it that get to no other place of the network. */
interface Rig {
  readonly own: string
  /** Where upstream sends whoever asks it. */
  readonly redirectTo: (location: string | undefined) => void
  readonly client: (allowedHosts: readonly string[], resolve?: Resolve) => UpstreamClient
  /** What was connected to since the last call, beside upstream. */
  readonly strangers: () => readonly string[]
  readonly close: () => Promise<void>
}

async function openRig(): Promise<Rig> {
  let location: string | undefined
  const server = createServer((_, response) => {
    if (location === undefined) response.end()
    // As bytes: Node would refuse to write a header with other characters.
    else response.writeHead(302, { location: Buffer.from(location).toString('latin1') }).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // as it listens on a port, not on a socket
  const own = `http://127.0.0.1:${port}`
  const connections = watchConnections([port])
  let seen = 0
  return {
    own,
    redirectTo: (target) => void (location = target),
    client(allowedHosts, resolve = names()) {
      const options = { userAgent: 'test', now: () => 0, random: () => 0, resolve }
      return createUpstream({ upstreamUrl: own, ...options }).client({
        guard: createAddressGuard(own, {
          allowed: allowedHosts.map((host) => `https://${host}`),
          named: [],
        }),
        timeouts: metadataTimeouts(5_000),
      })
    },
    strangers() {
      const recent = connections.made.slice(seen)
      seen = connections.made.length
      return recent.filter((each) => `http://${each}` !== own)
    },
    async close() {
      connections.stop()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** A name server that gives these answers, one a question, and the last of them for ever. */
function names(...answers: readonly (readonly string[])[]): Resolve & { asked: number } {
  function resolve(...[, , done]: Parameters<Resolve>): void {
    const addresses = answers[Math.min(counted.asked, answers.length - 1)] ?? []
    counted.asked += 1
    const found = addresses.map((address) => ({ address, family: isIP(address) }))
    process.nextTick(() => done(null, found))
  }
  const counted = Object.assign(resolve, { asked: 0 })
  return counted
}

async function failure(client: UpstreamClient, url: string): Promise<string> {
  const error = await rejection(requestBody(client, url, { sizeBytesMax: 1000 }))
  if (!(error instanceof UpstreamFailure)) throw error
  return error.reason
}

const github = 'https://api.github.com/x'

describe('outgoing connections', openRig, (test) => {
  test('go to an allowed name by the very addresses that were checked', async (rig) => {
    const resolve = names(['140.82.112.3', '2606:50c0:8000::153'])
    assert.is(await failure(rig.client(['api.github.com'], resolve), github), 'connection')
    const oneTry = ['140.82.112.3:443', '2606:50c0:8000::153:443']
    assert.equal(rig.strangers(), [...oneTry, ...oneTry, ...oneTry])
    assert.is(resolve.asked, 3, 'a lookup for each of the three tries, none beside')
  })

  test('are not made for a URL that is refused', async (rig) => {
    for (const url of [...forbiddenUrls, ...privateHosts.map((host) => `https://${host}/x`)]) {
      assert.is(await failure(rig.client(['api.github.com']), url), 'redirects', url)
    }
    assert.equal(rig.strangers(), [])
  })

  test('do not follow a redirect to such a URL, absolute or not', async (rig) => {
    const resolve = names(['140.82.112.3'])
    const literals = privateHosts.flatMap((host) => [`https://${host}/x`, `//${host}/x`])
    for (const location of [...forbiddenUrls, ...literals]) {
      rig.redirectTo(location)
      const mistaken = literals.includes(location) ? hostsOf([location]) : []
      const client = rig.client(['api.github.com', ...mistaken], resolve)
      assert.is(await failure(client, `${rig.own}/x`), 'redirects', location)
    }
    rig.redirectTo(undefined)
    assert.is(resolve.asked, 0)
    assert.equal(rig.strangers(), [])
  })

  test('are not made to a name with even one address that is not public', async (rig) => {
    const literals = hostsOf(privateHosts.map((host) => `https://${host}/`))
    assert.ok(literals.length > 60)
    for (const literal of [...literals, 'fe80::1%eth0']) {
      const address = literal.replaceAll(/[[\]]/g, '')
      for (const answer of [[address], ['140.82.112.3', address], [address, '140.82.112.3']]) {
        const client = rig.client(['api.github.com'], names(answer))
        assert.is(await failure(client, github), 'redirects', address)
      }
    }
    assert.equal(rig.strangers(), [])
  })

  test('are checked each time: a name server may change its mind', async (rig) => {
    const resolve = names(['140.82.112.3'], ['127.0.0.1'])
    // The first try gets to the public address, where nobody answers; the second would be private.
    assert.is(await failure(rig.client(['api.github.com'], resolve), github), 'redirects')
    assert.equal(rig.strangers(), ['140.82.112.3:443'])
    assert.is(resolve.asked, 2)
  })

  test('are checked behind a redirect to an allowed name as well', async (rig) => {
    rig.redirectTo(github)
    const client = rig.client(['api.github.com'], names(['10.0.0.1']))
    assert.is(await failure(client, `${rig.own}/x`), 'redirects')
    rig.redirectTo(undefined)
    assert.equal(rig.strangers(), [])
  })

  test('are checked with the lookup of the machine too, which knows localhost', async (rig) => {
    assert.is(await failure(rig.client(['localhost'], lookup), 'https://localhost/x'), 'redirects')
    assert.equal(rig.strangers(), [])
  })

  test('to a name without any address are broken ones', async (rig) => {
    assert.is(await failure(rig.client(['api.github.com'], names([])), github), 'connection')
  })

  test('of the relay are under the same rule, whatever a root file names', async (rig) => {
    for (const template of [
      'http://search.test/search.json?q=%query%',
      'https://169.254.169.254/latest?q=%query%',
      'https://127.0.0.1/?q=%query%',
      'https://internal.test/search.json',
    ]) {
      const client = rig.client(hostsOf([template]), names(['192.168.1.1']))
      const question = { endpoint: 'search', query: new URLSearchParams({ q: 'x' }) } as const
      assert.instance(await rejection(relayQuestion(client, template, question)), AppError)
    }
    assert.equal(rig.strangers(), [])
  })

  test('go by the proxies that they are given, and by none that only the environment names', async (rig) => {
    const variables = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY'] as const
    for (const name of variables) process.env[name] = 'http://127.0.0.2:9'
    const { status } = await requestBody(rig.client([]), `${rig.own}/x`, { sizeBytesMax: 9 })
    for (const name of variables) delete process.env[name]
    assert.is(status, 200)
    assert.equal(rig.strangers(), [])
  })
})
