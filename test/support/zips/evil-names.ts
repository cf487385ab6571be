import type { EvilZip } from './evil.ts'
import { rawZip, unixMode, type RawEntry } from './raw.ts'

/** Each of these would be written outside of the directory by some reader on some system. */
const leadOut: readonly (readonly [string, string])[] = [
  ['an absolute path', '/etc/passwd'],
  ['an absolute path of Windows', '\\Windows\\evil.dll'],
  ['a path on another computer', '\\\\server\\share\\evil'],
  ['a drive', 'C:\\evil.dll'],
  ['a path on a drive that is relative', 'c:evil.dll'],
  ['a path that goes up', '../evil'],
  ['a path that goes up behind a dot', './../evil'],
  ['a path that goes down and further up', 'acme/../../evil'],
  ['a path that goes down and up again', 'acme/../acme/evil'],
  ['a path that ends above', 'acme/..'],
  ['a directory above', '../'],
  ['a path that goes up with backslashes', '..\\evil'],
  ['a path that goes up with both kinds of slashes', 'acme/..\\..\\evil'],
]

/** No file system takes these, or takes all of them. */
const noFiles: readonly (readonly [string, string])[] = [
  ['a NUL in its name', 'evil.php\0.txt'],
  ['a name longer than a path may be', 'a/'.repeat(2048) + 'b'],
  ['a file with a name of 256 bytes', 'a/' + 'b'.repeat(256)],
  ['a directory with a name of 256 bytes', 'b'.repeat(256) + '/c'],
  ['a name of 256 bytes that a backslash divides', 'a/' + 'b'.repeat(200) + '\\' + 'c'.repeat(55)],
]

const file = (name: string): RawEntry => ({ name, content: name })
const link = (name: string, target: string): RawEntry => ({ ...file(name), ...linkTo(target) })
const linkTo = (target: string) => ({ content: target, central: mode(0o120777) })
const mode = (value: number) => ({ attributes: unixMode(value) })

const taken: readonly (readonly [string, readonly RawEntry[]])[] = [
  ['a name twice', [file('a'), file('b'), file('a')]],
  ['a directory twice', [{ name: 'a/' }, { name: 'a/' }, file('b')]],
  ['a path in two ways, with a dot', [file('a/b'), file('a/./b')]],
  ['a path in two ways, with two slashes', [file('a/b'), file('a//b')]],
  ['a name that is a file and a directory', [{ name: 'a/' }, file('a')]],
  ['a path with each kind of slash', [file('p\\composer.json'), file('p/composer.json')]],
  ['a path with each kind of slash, further down', [file('a/b\\c'), file('d'), file('a/b/c')]],
  ['a path with a backslash more', [file('a/b\\\\c'), file('a/b\\c')]],
  ['a path with a dot between backslashes', [file('a\\.\\b'), file('a/b')]],
]

const inside: readonly (readonly [string, readonly RawEntry[]])[] = [
  ['a file in a file', [file('a'), file('a/b')]],
  ['a file deep in a file', [file('a/b/c/d'), file('a')]],
  ['a file in a file, among similar names', [file('a'), file('a!'), file('a-b'), file('a/b')]],
  ['a directory in a file', [file('a'), { name: 'a/b/' }]],
  ['a file that is written through a link', [link('a', 'b'), file('a/c'), file('b/d')]],
  [
    'a file that is written through a link behind a backslash',
    [link('a', 'b'), file('a\\c'), file('b/d')],
  ],
  ['a file in a file behind a backslash', [file('a'), file('a\\b')]],
]

/** On FAT, unzip makes a directory of what stands before a backslash, and PHP makes one file. */
const fat = { central: { madeBy: 20, attributes: 0 } }
const twoWays: readonly (readonly [string, RawEntry])[] = [
  ['a backslash in a name from FAT', { ...file('p\\composer.json'), ...fat }],
  ['a directory from FAT that ends in a backslash', { name: 'p\\', ...fat }],
]

/** Modes that are more than permissions. */
const special: readonly (readonly [string, number])[] = [
  ['a setuid file', 0o104755],
  ['a setgid file', 0o102755],
  ['a sticky file', 0o101644],
  ['a setuid file without a type', 0o004755],
  ['a setuid link', 0o124777],
]

/** The path of a link, and where it leads. */
const linksOut: readonly (readonly [string, string, string])[] = [
  ['an absolute link', 'a', '/etc/passwd'],
  ['a link up', 'a', '..'],
  ['a link that goes up further than it is deep', 'top/b/c/d', '../../../etc'],
  ['a link out of the top directory, beside which Composer puts other packages', 'top/a', '../b'],
  ['a link that goes up behind dots', 'a', './/.././x'],
  ['a link that goes down and up, which other links could lead out', 'top/a', 'b/c/../../d'],
  ['a link up with backslashes', 'a', '..\\x'],
  ['a link to a drive', 'a', 'C:/x'],
  ['a link to nowhere', 'a', ''],
  ['a link with a NUL', 'a', 'b\0c'],
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
  ...leadOut.map(([what, name]): EvilZip => {
    return [what, /entry 2 has a name that leads out/, () => rawZip([file('a'), { name }])]
  }),
  ...noFiles.map(([what, name]): EvilZip => {
    return [what, /entry 2 has a name that no file can have/, () => rawZip([file('a'), { name }])]
  }),
  ...twoWays.map(([what, entry]): EvilZip => {
    return [what, /entry 2 has a name that is read in two ways/, () => rawZip([file('a'), entry])]
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
  ...taken.map(([what, entries]): EvilZip => {
    return [what, /has the path of another/, () => rawZip(entries)]
  }),
  ...inside.map(([what, entries]): EvilZip => {
    return [what, /is inside of what is no directory/, () => rawZip(entries)]
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
