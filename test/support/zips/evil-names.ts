import {
  impossibleNames,
  insideFiles,
  linksOut,
  type NamedEntry,
  namesOut,
  specialModes,
  takenPaths,
} from '../evil-names.ts'
import type { EvilZip } from './evil.ts'
import { rawZip, unixMode, type RawEntry, utf8Names } from './raw.ts'

const file = (name: string): RawEntry => ({ name, content: name })
const link = (name: string, target: string): RawEntry => ({ ...file(name), ...linkTo(target) })
const linkTo = (target: string) => ({ content: target, central: mode(0o120777) })
function named({ path, target }: NamedEntry): RawEntry {
  if (target !== undefined) return link(path, target)
  return path.endsWith('/') ? { name: path } : file(path)
}

const mode = (value: number) => ({ attributes: unixMode(value) })

/** On FAT, unzip makes a directory of what stands before a backslash, and PHP makes one file. */
const fat = { central: { madeBy: 20, attributes: 0 } }
const twoWays: readonly (readonly [string, RawEntry])[] = [
  ['a backslash in a name from FAT', { ...file('p\\composer.json'), ...fat }],
  ['a directory from FAT that ends in a backslash', { name: 'p\\', ...fat }],
]

/** A name of these bytes, and whether it says that they are UTF-8. */
const written = (text: string, flags: number): RawEntry => {
  return { ...file(''), name: Buffer.from(text, 'latin1'), both: { flags } }
}

/** PHP has é for the byte 0x82, and a face for 1. unzip leaves out 1, 0x7f, 0xff and the version. */
const readAlike: readonly (readonly [string, string, RawEntry])[] = [
  ['a name in a code page and in UTF-8', 'é.php', written('\x82.php', 0)],
  ['a path in a code page and in UTF-8', 'é/a/é.php', written('\x82/a/\x82.php', 0)],
  ['a sign for a control character', '☺.php', written('\x01.php', 0)],
  ['a code page because of a control character', '├⌐☺', written('\xc3\xa9\x01', 0)],
  ['a name with a control character more', 'a.php', written('a\x01.php', 0)],
  ['a name with a line break more', 'a.php', written('a\n.php', utf8Names)],
  ['a name with a deletion more', 'a.php', written('a.php\x7f', 0)],
  ['a name with the byte 0xff more', 'a.php', written('a.php\xff', 0)],
  ['a name with a version, as on VMS', 'a.php', written('a.php;1', 0)],
  ['a name with a version that is empty', 'a.php', written('a.php;', 0)],
]

/** To PHP. */
const noUtf8: readonly (readonly [string, string])[] = [
  ['half a character', 'a\xc3.php'],
  ['a character of a code page', '\x82.php'],
  ['a slash in two bytes', 'a\xc0\xaf.php'],
  ['half a pair', '\xed\xa0\x80'],
  ['a control character', '\x01.php'],
]

const special: readonly (readonly [string, number])[] = [
  ...specialModes.map(([what, value]) => [what, 0o100000 | value] as const),
  ['a setuid file without a type', 0o004755],
  ['a setuid link', 0o124777],
]

const types: readonly (readonly [string, string, number])[] = [
  ['a device', 'a', 0o020644],
  ['a named pipe', 'a', 0o010644],
  ['a socket', 'a', 0o140644],
  ['a directory with the name of a file', 'a', 0o040755],
  ['a link with the name of a directory', 'a/', 0o120777],
]

/** Zips that would write where they should not, or in which a path is two things. */
export const evilNames: readonly EvilZip[] = [
  ...namesOut.map(([what, name]): EvilZip => {
    return [what, /entry 2 has a name that leads out/, () => rawZip([file('a'), { name }])]
  }),
  ...impossibleNames.map(([what, name]): EvilZip => {
    return [what, /entry 2 has a name that no file can have/, () => rawZip([file('a'), { name }])]
  }),
  ...twoWays.map(([what, entry]): EvilZip => {
    return [what, /entry 2 has a name that is read in two ways/, () => rawZip([file('a'), entry])]
  }),
  ...noUtf8.map(([what, text]): EvilZip => {
    const evil = () => rawZip([file('a'), written(text, utf8Names)])
    return [`${what} in a name of UTF-8`, /entry 2 has a name that is not the UTF-8/, evil]
  }),
  ...readAlike.flatMap(([what, name, entry]): EvilZip[] => {
    const problem = /entry 2 has a name that some read as that of another one/
    return [
      [what, problem, () => rawZip([file(name), entry])],
      [`${what}, the other way round`, problem, () => rawZip([entry, file(name)])],
      [
        `${what}, neither said to be UTF-8`,
        problem,
        () =>
          rawZip([
            { ...file(name), both: { flags: 0 } },
            { ...entry, both: { flags: 0 } },
          ]),
      ],
    ]
  }),
  ...special.map(([what, value]): EvilZip => {
    const entry = { ...file('bin/log'), central: mode(value) }
    return [what, /entry 2 is setuid, setgid or sticky/, () => rawZip([file('a'), entry])]
  }),
  [
    'a setuid file, by a writer that says it knows no modes',
    /entry 1 is setuid/,
    () => rawZip([{ ...file('a'), central: { ...mode(0o104755), madeBy: 20 } }]),
  ],
  ['nothing in it', /no files/, () => rawZip([])],
  ['nothing in it but a comment', /no files/, () => rawZip([], { comment: 'empty' })],
  ['nothing in it, in 64 bits', /no files/, () => rawZip([], { end64: {} })],
  ['directories only', /no files/, () => rawZip([{ name: 'a/' }, { name: 'a/b/' }])],
  ['a link and no file', /no files/, () => rawZip([link('a', 'b')])],
  ['no name', /entry 1 has no name/, () => rawZip([file('')])],
  ['a name that is only a dot', /entry 1 has no name/, () => rawZip([file('.')])],
  ...takenPaths.map(([what, entries]): EvilZip => {
    return [what, /has the path of another/, () => rawZip(entries.map(named))]
  }),
  ...insideFiles.map(([what, entries]): EvilZip => {
    return [what, /is inside of what is no directory/, () => rawZip(entries.map(named))]
  }),
  ...linksOut.map(([what, name, target]): EvilZip => {
    const beside = name.startsWith('top/') ? 'top/z' : 'z'
    return [
      what,
      /entry 1 is a link that leads out/,
      () => rawZip([link(name, target), file(beside)]),
    ]
  }),
  [
    'a link that leads out, by a writer that says it knows no modes',
    /is a link that leads out/,
    () =>
      rawZip([{ name: 'a', content: '..', central: { ...mode(0o120777), madeBy: 20 } }, file('b')]),
  ],
  ['a link of 5,000 bytes', /too long/, () => rawZip([link('a', 'b'.repeat(5000))])],
  ...types.map(([what, name, value]): EvilZip => {
    return [what, /is neither a file/, () => rawZip([{ name, central: mode(value) }])]
  }),
]
