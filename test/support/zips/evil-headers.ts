import { deflateRawSync } from 'node:zlib'
import type { EvilZip } from './evil.ts'
import {
  descriptor,
  extraField,
  rawZip,
  stored,
  uint16,
  uint32,
  uint64,
  utf8Names,
  type HeaderFields,
  type RawEntry,
} from './raw.ts'

const content = 'what the file says, what the file says'
const streamed = { flags: utf8Names | 8 }
const unknown = { crc32: 0, packedBytes: 0, sizeBytes: 0 }
const toZip64 = { packedBytes: 0xffffffff, sizeBytes: 0xffffffff }
const unicodePath = (name: string): Buffer => {
  return extraField(0x7075, Buffer.concat([Buffer.from([1]), uint32(0), Buffer.from(name)]))
}

/** Three entries, of which the one in the middle isn't right. */
function with2nd(entry: Partial<RawEntry>): () => Buffer {
  const around = { content: 'around' }
  return () =>
    rawZip([
      { name: 'a', ...around },
      { name: 'b', content, ...entry },
      { name: 'c', ...around },
    ])
}

const otherLocals: readonly (readonly [string, Partial<HeaderFields>])[] = [
  ['name', { name: Buffer.from('d') }],
  ['name, which leads out', { name: Buffer.from('../b') }],
  ['name, of a directory', { name: Buffer.from('b/') }],
  ['method', { method: stored }],
  ['CRC-32', { crc32: 1 }],
  ['CRC-32, of zero without a descriptor', { crc32: 0 }],
  ['size', { sizeBytes: 1 }],
  ['packed size', { packedBytes: 1 }],
  ['encoding of the name', { flags: 0 }],
  ['encryption', { flags: utf8Names | 1 }],
  ['data descriptor', streamed],
  ['size, in a ZIP64 field', { sizeBytes: 0xffffffff, extra: extraField(1, uint64(1)) }],
]

const otherDescriptors: readonly (readonly [string, Buffer])[] = [
  ['CRC-32', descriptor('something else')],
  ['size', descriptor(content, { packedBytes: 1 })],
  ['size of 64 bits', descriptor(content, { wide: true, packedBytes: 2 ** 40 })],
  ['size, unsigned', descriptor(content, { signed: false, packedBytes: 1 })],
  ['signature', descriptor(content).fill(1, 0, 4)],
]

const packedOnes: readonly (readonly [string, RegExp, Partial<HeaderFields>])[] = [
  ['encrypted', /is encrypted/, { flags: 1 }],
  ['strongly encrypted', /is encrypted/, { flags: 0x41 }],
  ['masked by an encrypted directory', /is encrypted/, { flags: 0x2000 }],
  ['a patch', /is a patch/, { flags: 0x20 }],
  ['encrypted with AES', /neither stored nor/, { method: 99 }],
  ['shrunk', /neither stored nor/, { method: 1 }],
  ['packed with Deflate64', /neither stored nor/, { method: 9 }],
  ['packed with bzip2', /neither stored nor/, { method: 12 }],
  ['packed with Zstandard', /neither stored nor/, { method: 93 }],
  ['stored in two sizes', /two sizes/, { method: stored, packedBytes: 1 }],
]

/** Directory and file disagree about the entries. */
export const evilHeaders: readonly EvilZip[] = [
  ...otherLocals.map(([what, local]): EvilZip => {
    return [`another ${what} in a local header`, /entry 2 is another one/, with2nd({ local })]
  }),
  ...otherDescriptors.map(([what, after]): EvilZip => {
    const evil = with2nd({ both: streamed, local: unknown, after })
    return [`another ${what} in a data descriptor`, /entry 2 is another one/, evil]
  }),
  ...packedOnes.map(([what, problem, both]): EvilZip => {
    return [`an entry that is ${what}`, problem, with2nd({ both })]
  }),
  [
    'a descriptor that was announced and is missing',
    /another one in its data descriptor/,
    with2nd({ both: streamed, local: unknown }),
  ],
  [
    'a descriptor that was not announced',
    /belong to none/,
    with2nd({ after: descriptor(content) }),
  ],
  [
    'a descriptor with something behind it',
    /another one/,
    with2nd({ both: streamed, after: Buffer.concat([descriptor(content), Buffer.alloc(1)]) }),
  ],
  ['bytes between two entries', /belong to none/, with2nd({ before: Buffer.from('junk') })],
  ['an entry that its directory leaves out', /belong to none/, hidden],
  ['an entry twice in its directory', /path of another/, listedTwice],
  ['two entries that share one file', /overlaps/, shared],
  ['an entry inside of another one', /overlaps/, nested],
  ['a bomb of entries that overlap', /overlaps/, overlapping],
  ['a local header that is none', /belong to none/, with2nd({ central: { offset: 40 } })],
  [
    'an entry that begins in the directory',
    /belong to none/,
    with2nd({ central: { offset: 250 } }),
  ],
  ['an entry behind the end', /belong to none/, with2nd({ central: { offset: 2e9 } })],
  ['an entry on another disk', /another disk/, with2nd({ central: { disk: 1 } })],
  [
    'a size in a ZIP64 field that is missing',
    /2 GiB/,
    with2nd({ both: toZip64, packed: Buffer.from('junk') }),
  ],
  [
    'a ZIP64 field that is too short',
    /too short a ZIP64/,
    with2nd({ both: { ...toZip64, extra: extraField(1, uint64(3)) } }),
  ],
  [
    'two ZIP64 fields',
    /extra field twice/,
    with2nd({
      both: { extra: Buffer.concat([extraField(1, uint64(3)), extraField(1, uint64(4))]) },
    }),
  ],
  [
    'an extra field that is cut off',
    /extra field that is cut off/,
    with2nd({ both: { extra: extraField(0x5455, uint64(0)).subarray(0, -1) } }),
  ],
  ['a second name, in Unicode', /two names/, with2nd({ both: { extra: unicodePath('../b') } })],
  ['a second name in one header', /two names/, with2nd({ local: { extra: unicodePath('d') } })],
]

const abc: readonly RawEntry[] = [
  { name: 'a', content: 'first' },
  { name: 'b', content: 'second' },
  { name: 'c', content: 'third' },
]

function hidden(): Buffer {
  return rawZip(abc, {
    directory: ([first, , third]) => [first, third].filter((each) => each !== undefined),
    end: { countHere: 2, count: 2 },
  })
}

function listedTwice(): Buffer {
  return rawZip(abc, {
    directory: (headers) => [...headers, ...headers.slice(0, 1)],
    end: { countHere: 4, count: 4 },
  })
}

function shared(): Buffer {
  const [first = { name: '' }, ...others] = abc
  const copy = { ...first, name: 'd', central: { offset: 0 } }
  return rawZip([first, ...others, copy])
}

/** The content of one file is another entry, which the directory lists as well. */
function nested(): Buffer {
  const inner = rawZip([{ name: 'b', content: 'inner' }]).subarray(0, -22 - 47)
  const outer = { name: 'a', content: inner, both: { method: stored } }
  return rawZip([outer, { name: 'b', content: 'inner', central: { offset: 31 } }])
}

/**
 * Entries that all end in the same packed zeros: what stands before these is the header of the next
 * entry, as a deflated block that is not packed.
 */
function overlapping(): Buffer {
  const localBytes = 31
  let unpacked = Buffer.alloc(1_000_000)
  let packed = deflateRawSync(unpacked)
  const headers: Buffer[] = []
  for (let index = 25; index >= 0; index--) {
    const name = String.fromCharCode(0x41 + index)
    const offset = index * (5 + localBytes)
    const alone = rawZip([{ name, content: unpacked, packed, central: { offset } }])
    const local = alone.subarray(0, localBytes)
    headers.push(alone.subarray(localBytes + packed.length, -22))
    if (index === 0) break
    unpacked = Buffer.concat([local, unpacked])
    packed = Buffer.concat([
      Buffer.from([0]),
      uint16(localBytes, 0xffff - localBytes),
      local,
      packed,
    ])
  }
  const count = headers.length
  return rawZip([{ name: 'A', content: unpacked, packed }], {
    directory: () => headers.toReversed(),
    end: { count, countHere: count },
  })
}
