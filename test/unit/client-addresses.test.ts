import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { createClientAddresses } from '../../src/http/client-addresses.ts'
import { isPublicAddress } from '../../src/upstream/public-addresses.ts'
import { describe } from '../support/suite.ts'

function open(trustedProxies: readonly string[] = ['10.0.0.0/8', 'fd00::/8']) {
  const warnings: unknown[] = []
  const logger = { warn: (about: unknown) => void warnings.push(about) }
  const { ofClient, ofSharer } = createClientAddresses({ trustedProxies, isPublicAddress, logger })
  /** The peer, and what it says in X-Forwarded-For. */
  function address(remoteAddress: string | undefined, forwarded?: string) {
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
    return ofClient({ headers, socket: { remoteAddress } })
  }
  const sharer = (remoteAddress: string | undefined) => ofSharer({ remoteAddress })
  return { address, sharer, warnings }
}

describe(
  'the address that a client counts by',
  async () => open(),
  (test) => {
    test('is that of the peer, of IPv6 its /64, of IPv4 in IPv6 that IPv4', ({ address }) => {
      const cases: readonly (readonly [peer: string | undefined, address: string | undefined])[] = [
        ['192.0.2.1', '192.0.2.1'],
        ['::ffff:192.0.2.1', '192.0.2.1'],
        ['::FFFF:C000:0201', '192.0.2.1'],
        ['2001:db8:0:1:2:3:4:5', '2001:db8:0:1::/64'],
        ['2001:DB8:0:1::9', '2001:db8:0:1::/64'],
        ['2001:db8::1', '2001:db8:0:0::/64'],
        ['::1', '0:0:0:0::/64'],
        ['fe80::1%eth0', 'fe80:0:0:0::/64'],
        [undefined, undefined],
      ]
      for (const [peer, expected] of cases) assert.is(address(peer), expected, peer)
    })

    const forwards: readonly (readonly [forwarded: string, address: string])[] = [
      ['198.51.100.7', '198.51.100.7'],
      ['203.0.113.9, 198.51.100.7', '198.51.100.7'],
      ['203.0.113.9, 198.51.100.7, 10.1.1.1,fd00::2', '198.51.100.7'],
      ['203.0.113.9,198.51.100.7:4711', '198.51.100.7'],
      ['[2001:db8:0:1::9]:4711', '2001:db8:0:1::/64'],
      ['[2001:db8:0:1::9]', '2001:db8:0:1::/64'],
      ['2001:db8:0:1::9', '2001:db8:0:1::/64'],
      ['::ffff:198.51.100.7', '198.51.100.7'],
      // Without one that isn't trusted, the last that was vouched for.
      ['10.1.1.1, 10.2.2.2', '10.1.1.1'],
      ['', '10.0.0.1'],
      ['unknown', '10.0.0.1'],
      ['198.51.100.7, unknown, 10.2.2.2', '10.2.2.2'],
      ['198.51.100.7,', '10.0.0.1'],
      [`198.51.100.7,${' '.repeat(15_000)}10.2.2.2`, '10.0.0.1'],
      [`198.51.100.7,${'10.2.2.2,'.repeat(1_600)}10.3.3.3`, '10.2.2.2'],
      ['999.1.1.1', '10.0.0.1'],
      ['<script>', '10.0.0.1'],
    ]
    for (const [forwarded, expected] of forwards) {
      test(`from a trusted proxy that says "${forwarded.slice(0, 60)}" it is ${expected}`, ({
        address,
      }) => {
        assert.is(address('10.0.0.1', forwarded), expected)
        assert.is(address('::ffff:10.0.0.1', forwarded), expected)
      })
    }

    test('is not what a client says of itself', ({ address, warnings }) => {
      assert.is(address('198.41.0.4', '192.0.2.1'), '198.41.0.4')
      assert.is(address('10.0.0.1', '1.1.1.1, 198.51.100.7'), '198.51.100.7')
      assert.equal(warnings, [])
    })

    test('can not be told behind a private proxy that is not trusted, which is told once', () => {
      const { address, warnings } = open([])
      assert.is(address('192.168.1.1'), '192.168.1.1')
      for (const peer of ['192.168.1.1', '127.0.0.1', '::1', 'fd00::1', '::ffff:10.0.0.1']) {
        assert.is(address(peer, '198.51.100.7'), undefined, peer)
      }
      assert.equal(warnings, [{ peer: '192.168.1.1' }])
    })

    test('has a share of the connections, but for this machine’s and proxies’', ({ sharer }) => {
      assert.is(sharer('192.0.2.1'), '192.0.2.1')
      assert.is(sharer('::ffff:192.0.2.1'), '192.0.2.1')
      assert.is(sharer('2001:db8:0:1:2:3:4:5'), '2001:db8:0:1::/64')
      assert.is(sharer('192.168.0.1'), '192.168.0.1')
      for (const peer of [
        '127.0.0.1',
        '127.9.9.9',
        '::1',
        '::ffff:127.0.0.1',
        '10.1.1.1',
        'fd00::9',
      ]) {
        assert.is(sharer(peer), undefined, peer)
      }
    })

    test('is found in whatever a header can be', ({ address }) => {
      const text = fc.oneof(
        fc.string({ maxLength: 200 }),
        fc.array(fc.constantFrom('10.0.0.9', '::', '[', ']', ':', ',', ' ', '%', '198.51.100.7')),
      )
      fc.assert(
        fc.property(text, (parts) => {
          assert.type(address('10.0.0.1', String(parts)), 'string')
        }),
      )
    })
  },
)
