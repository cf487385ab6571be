import { deflateRawSync } from 'node:zlib'
import type { EvilZip } from './evil.ts'
import { deflated, rawZip, stored, type HeaderFields } from './raw.ts'

const small = Buffer.from('what the file says, what the file says')
/** Doesn't pack well, so that both packed and unpacked it goes through in slices. */
const large = Buffer.from(
  Array.from({ length: 300_000 }, (_, index) => (Math.imul(index, 2654435761) >>> 24) ^ index),
)

interface Damage {
  readonly both?: Partial<HeaderFields>
  readonly packed?: Buffer
}

/** What can be wrong with a content, given as it is and as it is packed. */
const damages: readonly (readonly [string, RegExp, (whole: Buffer, packed: Buffer) => Damage])[] = [
  ['with another CRC-32', /CRC-32/, () => ({ both: { crc32: 1 } })],
  ['larger than it says', /larger/, ({ length }) => ({ both: { sizeBytes: length - 1 } })],
  ['smaller than it says', /smaller/, ({ length }) => ({ both: { sizeBytes: length + 1 } })],
  ['said to be empty', /larger/, () => ({ both: { sizeBytes: 0 } })],
  [
    'that is cut off',
    /content that is cut off/,
    (_, packed) => ({ packed: packed.subarray(0, -1) }),
  ],
  [
    'cut off in the middle',
    /content that is cut off/,
    (_, packed) => ({ packed: packed.subarray(0, packed.length / 2) }),
  ],
  ['with something behind it', /after the end/, (_, packed) => ({ packed: behind(packed, 1) })],
  ['with much behind it', /after the end/, (_, packed) => ({ packed: behind(packed, 400_000) })],
  ['that is no packed one', /unpacked/, (whole) => ({ packed: Buffer.alloc(whole.length, 0xff) })],
  ['packed to nothing', /content that is cut off/, () => ({ packed: Buffer.alloc(0) })],
]

function behind(packed: Buffer, length: number): Buffer {
  return Buffer.concat([packed, Buffer.alloc(length, 'junk')])
}

const sizes: readonly (readonly [string, Buffer])[] = [
  ['small', small],
  ['large', large],
]

function spoiled(whole: Buffer, damage: Damage): Buffer {
  return rawZip([{ name: 'a' }, { name: 'b', content: whole, ...damage }])
}

const zeros = (megabytes: number): Buffer => Buffer.alloc(megabytes * 1024 * 1024)

/** Contents that are damaged, and those that unpack to too much. */
export const evilContents: readonly EvilZip[] = [
  ...sizes.flatMap(([size, whole]) =>
    damages.map(([what, problem, damage]): EvilZip => {
      const evil = (): Buffer => spoiled(whole, damage(whole, deflateRawSync(whole)))
      return [`a ${size} file ${what}`, problem, evil]
    }),
  ),
  ...sizes.map(([size, whole]): EvilZip => {
    const both = { method: stored, crc32: 1 }
    return [`a ${size} stored file with another CRC-32`, /CRC-32/, () => spoiled(whole, { both })]
  }),
  [
    'a flipped bit in a stored file',
    /CRC-32/,
    () => {
      const bytes = rawZip([{ name: 'a', content: small, both: { method: stored } }])
      bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40)
      return bytes
    },
  ],
  [
    'a directory with content',
    /directory with content/,
    () => rawZip([{ name: 'a/', content: small }]),
  ],
  [
    'a directory with hidden content',
    /larger/,
    () => rawZip([{ name: 'a/', content: small, both: { sizeBytes: 0 } }, { name: 'b' }]),
  ],
  ['40 MB of zeros', /100 times/, () => rawZip([{ name: 'a', content: zeros(40) }])],
  [
    '40 MB of zeros, in many files',
    /100 times/,
    () => {
      const content = zeros(1)
      return rawZip(Array.from({ length: 40 }, (_, index) => ({ name: String(index), content })))
    },
  ],
  [
    '80 MB of zeros that are said to be 10 bytes',
    /larger/,
    () => rawZip([{ name: 'a', content: zeros(80), both: { sizeBytes: 10 } }]),
  ],
  [
    '20 MB of zeros, little when packed, that are said to be 10 bytes',
    /larger/,
    () => rawZip([{ name: 'a', content: zeros(20), both: { sizeBytes: 10 } }]),
  ],
  [
    'a directory entry that unpacks to 80 MB',
    /larger/,
    () => rawZip([{ name: 'a/', content: zeros(80), both: { sizeBytes: 0 } }, { name: 'b' }]),
  ],
  [
    'three files that say to have 1 GB each',
    /2 GiB/,
    () => {
      const both = { sizeBytes: 2 ** 30, method: deflated }
      return rawZip(['a', 'b', 'c'].map((name) => ({ name, content: small, both })))
    },
  ],
]
