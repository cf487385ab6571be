import {
  impossibleNames,
  insideFiles,
  linksOut,
  type NamedEntry,
  namesOut,
  specialModes,
  takenPaths,
} from '../evil-names.ts'
import type { EvilTar } from './evil.ts'
import { gnuMagic, longName, type RawEntry, rawTar } from './raw.ts'

const file = (name: string): RawEntry => ({ name, content: name })
const link = (name: string, linkName: string): RawEntry => ({ name, type: '2', linkName })
const hardLink = (name: string, linkName: string): RawEntry => ({ name, type: '1', linkName })

/** A name that is too long for a header is in one of its own. */
function named({ path, target }: NamedEntry): readonly RawEntry[] {
  const isLong = Buffer.byteLength(path) > 100
  const type = path.endsWith('/') ? { type: '5' } : {}
  const entry = target === undefined ? { name: path, ...type } : link(path, target)
  return isLong
    ? [longName(path), { ...entry, name: path.slice(0, 100), magic: gnuMagic }]
    : [entry]
}

/** A NUL ends a name in a tar. */
const hasNul = (text: string): boolean => text.includes('\0')

const otherTypes: readonly (readonly [string, RawEntry])[] = [
  ['a character device', { name: 'a', type: '3' }],
  ['a block device', { name: 'a', type: '4' }],
  ['a named pipe', { name: 'a', type: '6' }],
  ['a contiguous file', { name: 'a', type: '7' }],
  ['a sparse file', { name: 'a', type: 'S', magic: gnuMagic }],
  ['the files of a directory', { name: 'a', type: 'D', magic: gnuMagic, content: 'Yb\0\0' }],
  ['the rest of a file from another tape', { name: 'a', type: 'M', magic: gnuMagic }],
  ['the name of a tape', { name: 'a', type: 'V', magic: gnuMagic }],
  ['a type that nobody knows', { name: 'a', type: 'Z' }],
  ['a file with the name of a directory', { name: 'a/' }],
  ['an old file with the name of a directory', { name: 'a/', type: '\0' }],
  ['a link with the name of a directory', link('a/', 'b')],
]

/** PHP refuses each of them, and so the whole tar. */
const longLinks: readonly (readonly [string, string, RawEntry])[] = [
  ['a long link, as from GNU', 't'.repeat(120), link('b', 't'.repeat(100))],
  ['a long hard link, as from GNU', 't'.repeat(120), hardLink('b', 't'.repeat(100))],
  ['a link up, in the form of GNU', '../c', link('b', 'a')],
  ['a link of 5,000 bytes', 't'.repeat(5000), link('b', 't')],
  ['the target of a link, and none', 'a', file('b')],
]

/** The hard link comes second. */
const hardLinks: readonly (readonly [string, RegExp, string, string])[] = [
  ['a hard link to nothing', /entry 2 is a hard link to no file/, 'b', 'c'],
  ['a hard link to itself', /entry 2 is a hard link to no file/, 'b', 'b'],
  ['a hard link to a file after it', /entry 2 is a hard link to no file/, 'b', 'z'],
  ['a hard link to a link', /entry 2 is a hard link to no file/, 'b', 'link'],
  ['a hard link to a directory', /entry 2 is a hard link to no file/, 'b', 'd/'],
  ['a hard link to /etc', /entry 2 has a name that leads out/, 'b', '/etc/passwd'],
  ['a hard link up', /entry 2 has a name that leads out/, 'b', '../b'],
  ['a hard link with a name that leads out', /entry 2 has a name that leads out/, '../b', 'a'],
  ['a hard link with the name of a file', /has the path of another/, 'a', 'a'],
]

/** Tars that would write where they should not, or in which a path is two things. */
export const evilNames: readonly EvilTar[] = [
  ...namesOut.map(([what, path]): EvilTar => {
    return [
      what,
      /entry 2 has a name that leads out/,
      () => rawTar([file('a'), ...named({ path })]),
    ]
  }),
  ...namesOut.map(([what, path]): EvilTar => {
    const evil = () => rawTar([file('a'), longName(path), { ...file(path), magic: gnuMagic }])
    return [`${what}, in the form of GNU`, /entry 2 has a name that leads out/, evil]
  }),
  [
    'a path that goes up by its prefix',
    /entry 1 has a name that leads out/,
    () => rawTar([{ ...file('evil'), prefix: 'acme/../..' }]),
  ],
  ...impossibleNames
    .filter(([, path]) => !hasNul(path))
    .map(([what, path]): EvilTar => {
      const evil = () => rawTar([file('a'), ...named({ path })])
      return [what, /entry 2 has a name that no file can have/, evil]
    }),
  ...takenPaths.map(([what, entries]): EvilTar => {
    return [what, /has the path of another/, () => rawTar(entries.flatMap(named))]
  }),
  ...insideFiles.map(([what, entries]): EvilTar => {
    return [what, /is inside of what is no directory/, () => rawTar(entries.flatMap(named))]
  }),
  ...linksOut
    .filter(([, , target]) => !hasNul(target))
    .map(([what, path, target]): EvilTar => {
      const beside = file(path.startsWith('top/') ? 'top/z' : 'z')
      const evil = () => rawTar([...named({ path, target }), beside])
      return [what, /entry 1 is a link that leads out/, evil]
    }),
  ...longLinks.map(([what, target, entry]): EvilTar => {
    const evil = () => rawTar([file('a'), longName(target, 'K'), { ...entry, magic: gnuMagic }])
    return [what, /entry 2 is a link to a path in the long form of GNU, which PHP cannot/, evil]
  }),
  ...hardLinks.map(([what, problem, name, target]): EvilTar => {
    const others = [link('link', 'a'), { name: 'd/', type: '5' }, file('z')]
    return [what, problem, () => rawTar([file('a'), hardLink(name, target), ...others])]
  }),
  ...specialModes.map(([what, mode]): EvilTar => {
    const evil = () => rawTar([file('a'), { ...file('bin/log'), mode }])
    return [what, /entry 2 is setuid, setgid or sticky/, evil]
  }),
  ...otherTypes.map(([what, entry]): EvilTar => {
    return [what, /entry 2 is neither a file/, () => rawTar([file('z'), entry])]
  }),
  ['no name', /entry 1 has no name/, () => rawTar([file('')])],
  ['a name that is only a dot', /entry 1 has no name/, () => rawTar([file('.')])],
  ['nothing in it', /no files/, () => rawTar([])],
  ['directories only', /no files/, () => rawTar(named({ path: 'a/' }))],
  ['a link and no file', /no files/, () => rawTar([link('a', 'b')])],
]
