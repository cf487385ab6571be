import { gzipSync } from 'node:zlib'
import { evilEnds } from './evil-ends.ts'
import type { EvilTar } from './evil.ts'
import { pax, rawTar } from './raw.ts'

/** Doesn't pack well, so that it goes through in slices. */
const large = Buffer.from(
  Array.from({ length: 300_000 }, (_, index) => (Math.imul(index, 2654435761) >>> 24) ^ index),
)
const sizes: readonly (readonly [string, Buffer])[] = [
  ['small', gzipSync(rawTar([{ name: 'a', content: '{}' }]))],
  ['large', gzipSync(rawTar([{ name: 'a', content: large }]))],
]

const damages: readonly (readonly [string, RegExp, (packed: Buffer) => Buffer])[] = [
  ['that was cut off', /cut off/, (packed) => packed.subarray(0, -20)],
  ['that was cut off in the middle', /cut off/, (packed) => packed.subarray(0, packed.length / 2)],
  ['without its last byte', /cut off/, (packed) => packed.subarray(0, -1)],
  ['without its end', /cut off/, (packed) => packed.subarray(0, -8)],
  ['twice', /after the end of its content/, (packed) => Buffer.concat([packed, packed])],
  ['with a page behind it', /after the end/, (packed) => behind(packed, '<html>')],
  ['with zeros behind it', /after the end/, (packed) => behind(packed, Buffer.alloc(512))],
  ['with another CRC-32', /CRC-32/, (packed) => changed(packed, packed.length - 8)],
  ['of another size', /not as large/, (packed) => changed(packed, packed.length - 4)],
  ['packed in another way', /unknown way/, (packed) => changed(packed, 2)],
  ['with a flag that nobody knows', /unknown way/, (packed) => changed(packed, 3, 0x80)],
  [
    'that is no packed one',
    /unpacked/,
    (packed) => Buffer.from(packed).fill(0xff, 10, packed.length - 8),
  ],
  [
    'with a name that has no end',
    /too long|cut off/,
    (packed) => changed(packed.subarray(0, 18).fill(1, 10), 3, 8),
  ],
]

function behind(packed: Buffer, more: string | Buffer): Buffer {
  return Buffer.concat([packed, Buffer.from(more)])
}

function changed(packed: Buffer, at: number, bits = 1): Buffer {
  const other = Buffer.from(packed)
  other.writeUInt8(other.readUInt8(at) ^ bits, at)
  return other
}

const zeros = (megabytes: number): Buffer => Buffer.alloc(megabytes * 1024 * 1024)

/** Tars whose packing is damaged, and those that unpack to too much. */
export const evilPackings: readonly EvilTar[] = [
  ...sizes.flatMap(([size, packed]) =>
    damages.map(([what, problem, damage]): EvilTar => {
      return [`a ${size} tar ${what}`, problem, () => damage(Buffer.from(packed))]
    }),
  ),
  ...evilEnds.map(([what, problem, bytes]): EvilTar => {
    return [`${what}, packed`, problem, () => gzipSync(bytes())]
  }),
  [
    'a tar that is packed twice',
    /no header of a tar|cut off/,
    () => gzipSync(gzipSync(rawTar([{ name: 'a' }]))),
  ],
  ['60 MB of zeros', /100 times/, () => gzipSync(rawTar([{ name: 'a', content: zeros(60) }]))],
  [
    '60 MB of zeros behind its end',
    /100 times/,
    () => gzipSync(rawTar([{ name: 'a' }], { end: zeros(60) })),
  ],
  [
    '60 MB of headers',
    /100 times/,
    () => {
      const more = pax({ comment: 'c'.repeat(60_000) }, 'g')
      return gzipSync(rawTar([...Array.from({ length: 1000 }, () => more), { name: 'a' }]))
    },
  ],
]
