import { deflateRawSync } from 'node:zlib'
import { zipball } from '../zip.ts'
import {
  deflated,
  descriptor,
  extraField,
  rawZip,
  stored,
  uint32,
  uint64,
  unixMode,
  utf8Names,
  type RawEntry,
} from './raw.ts'

/** "A zip with …", and the zip: all that is odd and found in good archives. */
export type GoodZip = readonly [what: string, bytes: () => Buffer]

const content = 'what the file says, what the file says'
const packedBytes = deflateRawSync(content, { level: 9 }).length
const streamed = { flags: utf8Names | 8 }
const unknown = { crc32: 0, packedBytes: 0, sizeBytes: 0 }
const toZip64 = { packedBytes: 0xffffffff, sizeBytes: 0xffffffff }
const file = (name: string): RawEntry => ({ name, content })
const one = [file('acme/composer.json')]
/** A time, as Info-ZIP and git write it: longer in the local header. */
const times = {
  local: { extra: extraField(0x5455, Buffer.alloc(9, 3)) },
  central: { extra: extraField(0x5455, Buffer.alloc(5, 3)) },
}
const unicodePath = Buffer.concat([Buffer.from([1]), uint32(0), Buffer.from('a')])
const large = Buffer.alloc(300_000, 'large ')

const entries: readonly (readonly [string, RawEntry])[] = [
  ['a name in no encoding', { name: Buffer.from('fa\xe7ade.php', 'latin1'), both: { flags: 0 } }],
  ['a name with a backslash', file('a\\b')],
  [
    'a name with a backslash and a slash, of a writer that names FAT',
    { ...file('top/a\\b'), central: { madeBy: 20, attributes: 0 } },
  ],
  ['a name of 255 bytes', file('a/' + 'b'.repeat(255) + '/' + 'c'.repeat(255))],
  ['a name with dots', file('a..b/...')],
  ['a name with a line break', file('a\nb')],
  ['a path that begins with a dot', file('./a')],
  ['a path of 4,096 bytes', file('a/'.repeat(2047) + 'bc')],
  [
    'a file without a mode, as git writes it',
    { ...file('a'), central: { madeBy: 0, attributes: 0 } },
  ],
  ['a mode from a host that has none', { ...file('a'), central: { madeBy: 20 } }],
  ['Windows attributes', { ...file('a'), central: { madeBy: 20, attributes: 0x80020 } }],
  [
    'a directory of a type that does not exist',
    { name: 'a/', central: { attributes: unixMode(0xffff) } },
  ],
  ['a directory that is packed', { name: 'a/', both: { method: deflated } }],
  [
    'a directory that says to be a file',
    { name: 'a/', central: { attributes: unixMode(0o100644) } },
  ],
  ['the directory itself', { name: './' }],
  ['a directory that a group shares', { name: 'a/', central: { attributes: unixMode(0o042775) } }],
  ['times in its extra fields', { ...file('a'), ...times }],
  ['padding in an extra field', { ...file('a'), local: { extra: Buffer.alloc(3) } }],
  [
    'its name once more, in Unicode',
    { ...file('a'), both: { extra: extraField(0x7075, unicodePath) } },
  ],
  ['a comment at its entry', { ...file('a'), central: { comment: 'PK\x01\x02' } }],
  [
    'what looks like a header in its content',
    { name: 'a', content: 'PK\x03\x04PK\x01\x02PK\x07\x08' },
  ],
  ['the level in one header only', { ...file('a'), local: { flags: utf8Names | 2 } }],
  ['a file that is packed to more', { name: 'a', content: 'a', level: 0 }],
  ['a large file', { name: 'a', content: large }],
  ['a large file that is stored', { name: 'a', content: large, both: { method: stored } }],
  ['a large file that is packed to more', { name: 'a', content: large, level: 0 }],
  ['a large file that is packed to little', { name: 'a', content: Buffer.alloc(30_000_000) }],
]

const descriptors: readonly (readonly [string, Partial<RawEntry>])[] = [
  ['signed', { local: unknown, after: descriptor(content) }],
  ['not signed', { local: unknown, after: descriptor(content, { signed: false }) }],
  ['of 64 bits', { local: unknown, after: descriptor(content, { wide: true }) }],
  [
    'of 64 bits, not signed',
    { local: unknown, after: descriptor(content, { wide: true, signed: false }) },
  ],
  ['that repeats what was said', { after: descriptor(content) }],
  [
    'that repeats a part of it',
    { local: { crc32: 0, packedBytes: 0 }, after: descriptor(content) },
  ],
  ['that was left out, as nothing was left to say', {}],
  [
    'after ZIP64 zeros',
    {
      local: { crc32: 0, ...toZip64, extra: extraField(1, uint64(0, 0)) },
      after: descriptor(content, { wide: true }),
    },
  ],
  [
    'after a stored content',
    {
      both: { ...streamed, method: stored },
      local: unknown,
      after: descriptor(content, { packedBytes: content.length }),
    },
  ],
]

const zip64Sizes = extraField(1, uint64(content.length, packedBytes))
const zip64Offset = extraField(1, uint64(0))

const links: readonly (readonly [string, string, string])[] = [
  ['beside it', 'a/b', 'c'],
  ['to its own directory', 'a/b', '.'],
  ['to the root', 'top/a/b', '..'],
  ['that goes up as far as it is deep', 'top/a/b/c', '../../d'],
  ['with dots', 'top/a/b', './.././c'],
  ['to what is not there', 'a', 'b/c'],
]

/** As git writes those that are UTF-8 and those that aren't; others say of none that it is UTF-8. */
const inNoEncoding = (text: string): RawEntry => {
  return { name: Buffer.from(text, 'latin1'), content, both: { flags: 0 } }
}
const mixed: readonly RawEntry[] = [file('übersicht.md'), inNoEncoding('fa\xe7ade.php')]

export const goodZips: readonly GoodZip[] = [
  ['names that are UTF-8 and one that is not, as from git', () => rawZip(mixed)],
  [
    'names that are UTF-8 and do not say so',
    () =>
      rawZip(
        ['é', 'éé', '中', '中文字', 'a'].map((name) => ({ ...file(name), both: { flags: 0 } })),
      ),
  ],
  [
    'names in a code page that differ in one byte',
    () => rawZip([inNoEncoding('fa\xe7ade'), inNoEncoding('fa\xe8ade')]),
  ],
  ['names in UTF-8 that differ in one character', () => rawZip([file('é'), file('ü')])],
  ['a version as on VMS', () => rawZip([file('a.php;1'), file('b.php')])],
  [
    'one top directory and a commit, as from GitHub',
    () => zipball('acme-log-0a1b2c3', [{ path: 'a' }], { comment: 'c'.repeat(40) }),
  ],
  ['no top directory, as from Composer', () => rawZip([file('composer.json'), file('src/a.php')])],
  ['a comment of 64 KB', () => rawZip(one, { comment: 'c'.repeat(65_535) })],
  ...entries.map(([what, entry]): GoodZip => [what, () => rawZip([entry, file('z')])]),
  ...descriptors.map(([what, entry]): GoodZip => {
    const around = file('around')
    return [
      `a descriptor ${what}`,
      () => rawZip([{ ...file('a'), both: streamed, ...entry }, around]),
    ]
  }),
  ...links.map(([what, name, target]): GoodZip => {
    const link = { name, content: target, central: { attributes: unixMode(0o120777) } }
    return [`a link ${what}`, () => rawZip([link, file('top/z')])]
  }),
  [
    'names that differ in case only',
    () => rawZip([file('a/README'), file('a/readme'), file('A/b')]),
  ],
  [
    'names that are one only when backslashes are left out',
    () => rawZip([file('ab'), file('a\\b')]),
  ],
  ['names that begin alike', () => rawZip([file('a'), file('a!'), file('a.b/c'), file('ab')])],
  ['directories that nobody is in', () => rawZip([{ name: 'a/' }, { name: 'a/b/' }, ...one])],
  ['a directory after its files', () => rawZip([file('a/b'), { name: 'a/' }])],
  [
    'its directory in another order than its files',
    () =>
      rawZip([file('a'), file('b'), file('c')], { directory: (headers) => headers.toReversed() }),
  ],
  ['an end of 64 bits', () => rawZip(one, { end64: {} })],
  [
    'an end of 64 bits that repeats the other',
    () => rawZip(one, { end64: {}, end: { countHere: 1, count: 1 } }),
  ],
  ['sizes of 64 bits', () => rawZip([{ ...file('a'), both: { ...toZip64, extra: zip64Sizes } }])],
  [
    'an offset of 64 bits',
    () => rawZip([{ ...file('a'), central: { offset: 0xffffffff, extra: zip64Offset } }]),
  ],
  [
    'a zip in it, whose end is at its end',
    () => rawZip([file('a'), { name: 'b.zip', content: rawZip(one), both: { method: stored } }]),
  ],
  [
    'an empty zip in it',
    () => rawZip([file('a'), { name: 'b.zip', content: rawZip([]), both: { method: stored } }]),
  ],
  [
    'a zip of 64 bits in it',
    () =>
      rawZip([
        file('a'),
        { name: 'b.zip', content: rawZip(one, { end64: {} }), both: { method: stored } },
      ]),
  ],
  [
    'zips in zips, which nobody opens',
    () => {
      let bomb: Buffer = Buffer.alloc(10_000_000)
      for (const name of ['a', 'b', 'c']) {
        const inner = bomb
        bomb = rawZip(['1', '2', '3'].map((each) => ({ name: name + each, content: inner })))
      }
      return bomb
    },
  ],
]
