/** What no archive may have, of whatever type: each table is "an archive with …", and what makes it so. */

/** A file; with a slash at its end a directory, with a target a link. */
export interface NamedEntry {
  readonly path: string
  readonly target?: string
}

const file = (path: string): NamedEntry => ({ path })
const link = (path: string, target: string): NamedEntry => ({ path, target })

/** Each of these would be written outside of the directory by some reader on some system. */
export const namesOut: readonly (readonly [string, string])[] = [
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
export const impossibleNames: readonly (readonly [string, string])[] = [
  ['a NUL in its name', 'evil.php\0.txt'],
  ['a name longer than a path may be', 'a/'.repeat(2048) + 'b'],
  ['a file with a name of 256 bytes', 'a/' + 'b'.repeat(256)],
  ['a directory with a name of 256 bytes', 'b'.repeat(256) + '/c'],
  ['a name of 256 bytes that a backslash divides', 'a/' + 'b'.repeat(200) + '\\' + 'c'.repeat(55)],
]

/** A path that is two things, for some reader on some system. */
export const takenPaths: readonly (readonly [string, readonly NamedEntry[]])[] = [
  ['a name twice', [file('a'), file('b'), file('a')]],
  ['a directory twice', [{ path: 'a/' }, { path: 'a/' }, file('b')]],
  ['a path in two ways, with a dot', [file('a/b'), file('a/./b')]],
  ['a path in two ways, with two slashes', [file('a/b'), file('a//b')]],
  ['a name that is a file and a directory', [{ path: 'a/' }, file('a')]],
  ['a path with each kind of slash', [file('p\\composer.json'), file('p/composer.json')]],
  ['a path with each kind of slash, further down', [file('a/b\\c'), file('d'), file('a/b/c')]],
  ['a path with a backslash more', [file('a/b\\\\c'), file('a/b\\c')]],
  ['a path with a dot between backslashes', [file('a\\.\\b'), file('a/b')]],
]

/** What is inside of what is no directory. */
export const insideFiles: readonly (readonly [string, readonly NamedEntry[]])[] = [
  ['a file in a file', [file('a'), file('a/b')]],
  ['a file deep in a file', [file('a/b/c/d'), file('a')]],
  ['a file in a file, among similar names', [file('a'), file('a!'), file('a-b'), file('a/b')]],
  ['a directory in a file', [file('a'), { path: 'a/b/' }]],
  ['a file that is written through a link', [link('a', 'b'), file('a/c'), file('b/d')]],
  [
    'a file that is written through a link behind a backslash',
    [link('a', 'b'), file('a\\c'), file('b/d')],
  ],
  ['a file in a file behind a backslash', [file('a'), file('a\\b')]],
]

/** The path of a link, and where it leads. */
export const linksOut: readonly (readonly [string, string, string])[] = [
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

/** Modes that are more than permissions. */
export const specialModes: readonly (readonly [string, number])[] = [
  ['a setuid file', 0o4755],
  ['a setgid file', 0o2755],
  ['a sticky file', 0o1644],
]
