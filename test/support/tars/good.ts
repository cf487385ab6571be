import { gzipSync } from 'node:zlib'
import { gnuMagic, longName, pax, type RawEntry, rawTar } from './raw.ts'

/** "A tar with …", and the tar: all that is odd and found in good archives. */
export type GoodTar = readonly [what: string, bytes: () => Buffer]

const content = 'what the file says'
const file = (name: string): RawEntry => ({ name, content })
const gnu = (name: string): RawEntry => ({ ...file(name), magic: gnuMagic })
const directory = (name: string): RawEntry => ({ name, type: '5' })
const long = `acme/${'n'.repeat(150)}.php`
const one = [file('acme/composer.json')]

const links: readonly (readonly [string, string, string])[] = [
  ['beside it', 'a/b', 'c'],
  ['to the root', 'top/a/b', '..'],
  ['that goes up as far as it is deep', 'top/a/b/c', '../../d'],
  ['to what is not there', 'a', 'b/c'],
]

const packed = gzipSync(rawTar(one))
/** A gzip header with everything that may be in one. */
function withHeader(): Buffer {
  const header = Buffer.from(packed.subarray(0, 10))
  header.writeUInt8(0x1e, 3)
  const extra = Buffer.from([4, 0, 1, 2, 3, 4])
  const texts = Buffer.from('acme.tar\0a comment\0')
  return Buffer.concat([header, extra, texts, Buffer.alloc(2), packed.subarray(10)])
}

export const goodTars: readonly GoodTar[] = [
  ['one top directory', () => rawTar([directory('top/'), file('top/a'), file('top/src/b')])],
  ['no top directory, as from Composer', () => rawTar([file('composer.json'), file('src/a.php')])],
  ['directories without a slash', () => rawTar([directory('a'), file('a/b')])],
  ['the directory itself', () => rawTar([directory('./'), file('./a')])],
  ['the type of old files', () => rawTar([{ ...file('a'), type: '\0' }])],
  ['the header of GNU', () => rawTar([gnu('a')])],
  ['a size of 12 digits', () => rawTar([{ ...file('a'), sizeField: '000000000022' }])],
  ['a size behind blanks', () => rawTar([{ ...file('a'), sizeField: '         22\0' }])],
  ['a mode with the type of the file', () => rawTar([{ ...file('a'), modeField: '0100644\0' }])],
  ['a directory that a group shares', () => rawTar([{ ...directory('a/'), mode: 0o2775 }, ...one])],
  ['a name in a prefix', () => rawTar([{ ...file('a'), prefix: 'p'.repeat(155) }])],
  ['a name of 100 bytes', () => rawTar([file('n'.repeat(100))])],
  ['a long name in the form of GNU', () => rawTar([longName(long), gnu(long.slice(0, 100))])],
  [
    'a long name in the form of GNU, whose beginning ends with a whole character',
    () => rawTar([longName(`acme/${'ü'.repeat(60)}`), gnu(`acme/${'ü'.repeat(47)}`)]),
  ],
  [
    'a long name in the form of GNU, and the same in a pax header',
    () => rawTar([pax({ path: long }), longName(long), gnu(long.slice(0, 100))]),
  ],
  [
    'a link of 100 bytes',
    () => rawTar([{ name: 'a', type: '2', linkName: 't'.repeat(100) }, ...one]),
  ],
  ['a commit, as from git', () => rawTar([pax({ comment: 'c'.repeat(40) }, 'g'), ...one])],
  ['times in pax headers', () => rawTar([pax({ mtime: '1.5', atime: '2.5' }), ...one])],
  [
    'a pax header that repeats the header',
    () => rawTar([pax({ path: 'ü.md', size: '18', uname: 'ü' }), file('ü.md')]),
  ],
  ['a name in no encoding', () => rawTar([file('fa\u00e7ade.php')])],
  ['a name with a backslash', () => rawTar([file('a\\b')])],
  ['a name with a line break', () => rawTar([file('a\nb')])],
  ['names that differ in case only', () => rawTar([file('README'), file('readme')])],
  ...links.map(([what, name, linkName]): GoodTar => {
    return [`a link ${what}`, () => rawTar([{ name, type: '2', linkName }, file('top/z')])]
  }),
  ['a hard link', () => rawTar([file('a'), { name: 'b', type: '1', linkName: './a' }])],
  ['zeros up to a full record', () => rawTar(one, { end: Buffer.alloc(20 * 512) })],
  ['a large file', () => rawTar([{ name: 'a', content: Buffer.alloc(300_000, 'large ') }])],
  ['gzip around it', () => packed],
  ['gzip around it, not packed', () => gzipSync(rawTar(one), { level: 0 })],
  ['a gzip header with all fields', withHeader],
  ['30 MB of zeros', () => gzipSync(rawTar([{ name: 'a', content: Buffer.alloc(30_000_000) }]))],
]
