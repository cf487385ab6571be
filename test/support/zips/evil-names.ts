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
import { rawZip, unixMode, type RawEntry } from './raw.ts'

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
