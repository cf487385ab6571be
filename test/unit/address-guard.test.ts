import * as assert from 'uvu/assert'
import { type AddressGuard, createAddressGuard } from '../../src/upstream/address-guard.ts'
import { isPublicAddress } from '../../src/upstream/public-addresses.ts'
import { forbiddenUrls, hostsOf, privateHosts } from '../support/hostile-urls.ts'
import { describe } from '../support/suite.ts'

const packagist = 'https://repo.packagist.org'

/** What is no URL by itself, or has no host. */
const nonsense = ['', ' ', 'x', '/x', '?x', 'https://', 'https://[::1', 'https://256.1.1.1/']

/** @param hosts that may be asked over https. */
function guardOf(own: string, hosts: readonly string[], named: readonly string[] = []): Guard {
  const allowed = hosts.map((host) => `https://${host}`)
  const { refusalOf } = createAddressGuard(own, { allowed, named })
  return { refusalOf, isAllowed: (url) => refusalOf(url) === undefined }
}

interface Guard extends AddressGuard {
  readonly isAllowed: (url: string) => boolean
}

describe(
  'the address guard',
  async () => ({ guard: guardOf(packagist, ['api.github.com', 'git.test:8443']) }),
  (test) => {
    test('lets through the own origin, allowed hosts on 443, and a port that is named', ({
      guard,
    }) => {
      for (const url of [
        'https://repo.packagist.org/p2/a/b.json',
        'HTTPS://REPO.packagist.org:443/p2/a/b.json',
        'https://api.github.com/repos/a/b/zipball/c',
        'https://API.github.com:443/x',
        'https://git.test:8443/x',
      ]) {
        assert.is(guard.isAllowed(url), true, url)
      }
      assert.is(guard.isAllowed('https://git.test/x'), false, 'only that port')
    })

    test('the own origin may be private and without TLS: the operator chose it', () => {
      for (const own of ['http://127.0.0.1:8081', 'http://packages.internal', 'https://10.1.2.3']) {
        const { isAllowed } = guardOf(own, [])
        assert.is(isAllowed(`${own}/x`), true)
        assert.is(isAllowed(`${own.replace('://', '://user@')}/x`), false)
        assert.is(isAllowed(`${own.replace('//', '//evil.test:81#')}/x`), false)
      }
      const { isAllowed } = guardOf('http://127.0.0.1:8081', ['127.0.0.1:8081'])
      assert.is(isAllowed('http://127.0.0.1:8082/x'), false, 'another port is another origin')
      assert.is(isAllowed('https://127.0.0.1:8081/x'), false, 'another scheme too')
      assert.is(isAllowed('http://localhost:8081/x'), false, 'another name too')
    })

    test('what the operator names exactly may be private and without TLS, and nothing beside it', () => {
      const named = ['http://git.intern:8080', 'https://10.0.0.7']
      const { isAllowed } = guardOf(packagist, [], named)
      for (const url of [
        'http://git.intern:8080/a.zip',
        'https://10.0.0.7/a',
        'https://10.0.0.7:443/a',
      ]) {
        assert.is(isAllowed(url), true, url)
      }
      for (const url of [
        'https://git.intern:8080/a.zip',
        'http://git.intern/a.zip',
        'http://git.intern:8081/a.zip',
        'http://10.0.0.7/a',
        'https://10.0.0.8/a',
        'http://user@git.intern:8080/a.zip',
      ]) {
        assert.is(isAllowed(url), false, url)
      }
    })

    test('says which rule a refusal is by', ({ guard }) => {
      const rules = {
        'https://api.github.com/\\x': 'not_a_url',
        'https://user@api.github.com/x': 'has_credentials',
        'http://api.github.com/x': 'not_https',
        'https://git.test/x': 'host_not_named',
      } as const
      for (const [url, refusal] of Object.entries(rules)) assert.is(guard.refusalOf(url), refusal)
      assert.is(guardOf(packagist, ['10.0.0.7']).refusalOf('https://10.0.0.7/x'), 'not_public')
    })

    test('refuses every other place, scheme, port and user', ({ guard }) => {
      for (const url of [...forbiddenUrls, ...nonsense]) {
        assert.is(guard.isAllowed(url), false, url)
      }
    })

    test('refuses blanks, control characters and backslashes, which others read otherwise', ({
      guard,
    }) => {
      for (const odd of [' ', '\t', '\r\n', '\0', '\u007f', '\u00a0', '\u2028', '\\']) {
        for (const url of [`https://api.github.com/${odd}x`, `${odd}https://api.github.com/x`]) {
          assert.is(guard.isAllowed(url), false, JSON.stringify(url))
        }
      }
    })

    test('refuses addresses that are not public, however they are written, even if allowed', () => {
      for (const host of privateHosts) {
        for (const url of [`https://${host}/x`, `https://${host}:8443/x`, `http://${host}/x`]) {
          assert.is(guardOf(packagist, []).isAllowed(url), false, url)
          const mistaken = guardOf(packagist, [...hostsOf([url]), host])
          assert.is(mistaken.isAllowed(url), false, `${url}, though allowed`)
        }
      }
    })

    test('refuses what only looks like an allowed URL', ({ guard }) => {
      const after = ['.evil.test', '-evil.test', 'evil.test', '.', '@evil.test', ':80', ':444']
      const before = ['evil.test/', 'evil-', 'evil.', 'user@', 'user:pass@', 'evil.test#', '.', '@']
      const lookAlikes = ['api.github.com', 'repo.packagist.org'].flatMap((host) => [
        ...after.map((text) => host + text),
        ...before.map((text) => text + host),
      ])
      const schemes = ['https://', 'http://', 'ftp://', 'HTTPS://', '//', 'blob:https://', '']
      // "https://@host" has an empty user, which the parser drops: it is the host itself.
      const forbidden = lookAlikes.filter((each) => !each.startsWith('@'))
      for (const lookAlike of forbidden) {
        for (const scheme of schemes) {
          assert.is(guard.isAllowed(`${scheme}${lookAlike}/x`), false, scheme + lookAlike)
        }
      }
    })
  },
)

describe(
  'public addresses',
  async () => ({}),
  (test) => {
    test('are those next to the special ones, and none of these', () => {
      const near = `9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
        169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0
        198.17.255.255 198.20.0.0 223.255.255.255 1.0.0.0 140.82.112.3
        2606:50c0:8000::153 2a01:7e0::1 2001:200::1 2003::1 2001:db7:ffff::1 2001:db9::1
        64:ff9b::140.82.112.3 64:ff9b::8c52:7003`.split(/\s+/)
      for (const address of near) assert.is(isPublicAddress(address), true, address)
      const hosts = hostsOf(privateHosts.map((host) => `https://${host}/`))
      assert.ok(hosts.length > 60)
      for (const host of hosts) {
        assert.is(isPublicAddress(host.replaceAll(/[[\]]/g, '')), false, host)
      }
    })

    test('are written in full, and not mapped', () => {
      for (const address of [
        '',
        'localhost',
        '1.2.3',
        '::ffff:1.1.1.1',
        'fe80::1%eth0',
        '1::1',
        '4000::1',
      ]) {
        assert.is(isPublicAddress(address), false, address)
      }
    })
  },
)
