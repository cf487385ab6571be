import { zip } from '../zip.ts'
import type { EvilTar } from './evil.ts'
import { blockBytes, gnuMagic, longName, pax, rawTar } from './raw.ts'

const one = [{ name: 'acme/composer.json', content: '{}' }]
const good = rawTar(one)
const zeros = (blocks: number): Buffer => Buffer.alloc(blocks * blockBytes)

/** Files that are no tar, and tars whose end isn't one. */
export const evilEnds: readonly EvilTar[] = [
  ['nothing at all', /cut off/, () => Buffer.alloc(0)],
  ['three bytes', /cut off/, () => Buffer.from('ust')],
  ['a login page', /no header of a tar/, () => Buffer.from('<html>Please sign in'.padEnd(2048))],
  ['a zip', /like another type/, () => Buffer.concat([zip([{ path: 'a' }]), zeros(2)])],
  [
    'a name that makes a zip of it for PHP',
    /like another type/,
    () => rawTar([{ name: 'PK\x03\x04' }]),
  ],
  [
    'a name that makes it one packed with bzip2',
    /like another type/,
    () => rawTar([{ name: 'BZh' }]),
  ],
  ['no end', /cut off/, () => rawTar(one, { end: zeros(0) })],
  ['half of an end', /cut off/, () => rawTar(one, { end: zeros(1) })],
  ['an end that was cut off', /cut off/, () => good.subarray(0, -1)],
  ['half of a file', /cut off/, () => good.subarray(0, 513)],
  ['half of a header', /cut off/, () => good.subarray(0, 100)],
  ['a tar behind a tar', /follows/, () => Buffer.concat([good, rawTar([{ name: 'evil' }])])],
  ['a page after its end', /follows/, () => Buffer.concat([good, Buffer.from('<html>')])],
  [
    'a byte in the last of its zeros',
    /follows/,
    () => Buffer.concat([good, zeros(18), Buffer.from('x')]),
  ],
  [
    'one block of zeros, behind which it goes on',
    /goes on behind its end/,
    () => Buffer.concat([rawTar(one, { end: zeros(1) }), rawTar([{ name: 'evil' }])]),
  ],
  ['a pax header of nothing', /goes on behind/, () => rawTar([...one, pax({ path: 'evil' })])],
  [
    'a name of nothing',
    /goes on behind/,
    () => rawTar([...one, { ...longName('evil'), magic: gnuMagic }]),
  ],
]
