import type { EvilTar } from './evil.ts'
import { gnuMagic, longName, pax, type RawEntry, rawTar } from './raw.ts'

const content = 'what the file says'
const fileB: RawEntry = { name: 'b', content }
const gnuB: RawEntry = { ...fileB, magic: gnuMagic }
const sizeField = (size: number): string => `${size.toString(8).padStart(11, '0')}\0`

/** Three entries, of which the one in the middle isn't right. */
function with2nd(...entries: readonly RawEntry[]): () => Buffer {
  const around = { content: 'around' }
  return () => rawTar([{ name: 'a', ...around }, ...entries, { name: 'c', ...around }])
}

const large = Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, content.length])
const numbers: readonly (readonly [string, Partial<RawEntry>])[] = [
  ['no size', { sizeField: Buffer.alloc(12) }],
  ['a size in bytes', { sizeField: large }],
  ['a size below zero', { sizeField: '-0000000022\0' }],
  ['a size that is no octal number', { sizeField: '00000000089\0' }],
  ['a size with something behind it', { sizeField: '22\x000000000\0' }],
  ['a mode with something behind it', { modeField: '644 4755' }],
  ['no mode', { modeField: '        ' }],
]

const damagedRecords: readonly (readonly [string, string])[] = [
  ['a length that is none', 'x path=c\n'],
  ['a length below zero', '-9 path=c\n'],
  ['a length of nothing', '0 path=c\n'],
  ['a length that is too long', '99 path=c\n'],
  ['a length that is too short', '5 path=c\n'],
  ['a length in hex', '0xa path=c\n'],
  ['no line break', '10 path=cc'],
  ['no key', '5 pa\n'],
  ['something behind its records', '9 path=b\nx'],
  ['text in no encoding', '9 path=\xff\n'],
]

const twoNames: readonly (readonly [string, readonly RawEntry[]])[] = [
  ['another name in a pax header', [pax({ path: 'd' }), fileB]],
  ['a name that leads out in a pax header', [pax({ path: '../b' }), fileB]],
  ['a longer name in a pax header', [pax({ path: 'b.php' }), fileB]],
  ['no name in a pax header', [pax({ path: '' }), fileB]],
  ['a name for all in a pax header', [pax({ path: 'b' }, 'g'), fileB]],
  [
    'another target in a pax header',
    [pax({ linkpath: 'c' }), { name: 'b', type: '2', linkName: 'a' }],
  ],
  ['two pax headers', [pax({}), pax({}), fileB]],
  [
    'another name in one of two records',
    [{ ...pax({}), content: '10 path=cc\n9 path=b\n'.replace('10', '11') }, fileB],
  ],
  ['two names in the form of GNU', [longName('d'), longName('b'), gnuB]],
  ['something behind a name in the form of GNU', [{ ...longName('b'), content: 'b\0/../c' }, gnuB]],
  ['a name in the form of GNU that begins otherwise', [longName('d/b'), gnuB]],
  ['a name in the form of GNU that is shorter', [longName('b'), { ...gnuB, name: 'b/../c' }]],
  ['a name in the form of GNU only', [longName('b'), { ...gnuB, name: '' }]],
  ['nothing as its name in the form of GNU', [longName(''), gnuB]],
  [
    'another name in a pax header than in the form of GNU',
    [pax({ path: 'b' }), longName('b.php'), gnuB],
  ],
  ['a prefix where GNU has times', [{ ...gnuB, prefix: 'd' }]],
]

/** Headers that readers take differently, or that are damaged. */
export const evilHeaders: readonly EvilTar[] = [
  ...numbers.map(([what, entry]): EvilTar => {
    return [what, /entry 2 has a number that is read in two ways/, with2nd({ ...fileB, ...entry })]
  }),
  ...damagedRecords.map(([what, records]): EvilTar => {
    const evil = with2nd({ ...pax({}), content: Buffer.from(records, 'latin1') }, fileB)
    return [`a pax header with ${what}`, /entry 2 has a pax header that is damaged/, evil]
  }),
  ...twoNames.map(([what, entries]): EvilTar => {
    return [what, /entry 2 has two names/, with2nd(...entries)]
  }),
  ['another size in a pax header', /entry 2 has two sizes/, with2nd(pax({ size: '1' }), fileB)],
  [
    'a sparse file in a pax header',
    /entry 2 is a sparse file/,
    with2nd(pax({ 'GNU.sparse.major': '1', 'GNU.sparse.name': 'd' }), fileB),
  ],
  [
    'sparse files all over',
    /entry 2 is a sparse file/,
    with2nd(pax({ 'GNU.sparse.size': '1' }, 'g'), fileB),
  ],
  [
    'a pax header of 70,000 bytes',
    /entry 2 has a header that is too long/,
    with2nd(pax({ comment: 'c'.repeat(70_000) }), fileB),
  ],
  [
    'a name of 70,000 bytes',
    /entry 2 has a header that is too long/,
    with2nd(longName('c'.repeat(70_000)), gnuB),
  ],
  ['a checksum that is another', /header that is damaged/, with2nd({ ...fileB, checksum: 1 })],
  ['a header of the 7th Unix', /entry 2 has no header of a tar/, with2nd({ ...fileB, magic: '' })],
  [
    'a directory with content',
    /entry 2 is a directory or a link with content/,
    with2nd({ name: 'b/', type: '5', content }),
  ],
  [
    'a link with content',
    /entry 2 is a directory or a link with content/,
    with2nd({ name: 'b', type: '2', linkName: 'a', content }),
  ],
  [
    'something behind a content',
    /entry 2 has bytes after it that belong to none/,
    with2nd({ ...fileB, padding: Buffer.alloc(512 - content.length, 'x') }),
  ],
  [
    'something behind a pax header',
    /entry 2 has bytes after it that belong to none/,
    with2nd({ ...pax({}), content: '9 path=b\n', padding: Buffer.alloc(503, 'x') }, fileB),
  ],
  [
    'a size that skips the next header',
    /entry 2 has bytes after it|no header/,
    with2nd({ ...fileB, sizeField: sizeField(content.length + 512) }, fileB),
  ],
  [
    'a size that goes on behind its end',
    /it is cut off/,
    with2nd({ ...fileB, sizeField: sizeField(2 ** 31) }),
  ],
  [
    'a file that says to have 8 GiB',
    /it is cut off/,
    with2nd({ ...fileB, sizeField: sizeField(2 ** 33 - 1) }),
  ],
]
