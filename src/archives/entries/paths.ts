const pathBytesMax = 4096
/** As file systems have it. */
const partBytesMax = 255

/**
 * A path from an archive as its parts joined by NUL, which no name can have: sorted this way, what is
 * in a directory comes right after it. Latin-1, a character a byte: nobody says which encoding it is in.
 */
export type EntryPath = string

export type NamedPath =
  | { readonly path: EntryPath; readonly problem?: never }
  /** A clause about the entry. */
  | { readonly path?: never; readonly problem: string }

/**
 * Names that differ only in case are fine: packages have them, and Linux keeps them apart. Elsewhere
 * one replaces the other, inside the directory.
 *
 * @returns a problem when no file can have the name, or when some system would put it elsewhere.
 */
export function pathOfName(name: string): NamedPath {
  const isFileName = name.length <= pathBytesMax && !name.includes('\0')
  const parts = isFileName ? partsOf(name) : []
  if (!isFileName || parts.some((part) => part.length > partBytesMax)) {
    return { problem: 'has a name that no file can have' }
  }
  // On Windows a backslash separates as well.
  if (isAbsolute(name) || name.split(/[/\\]/).includes('..')) {
    return { problem: 'has a name that leads out of the archive' }
  }
  return { path: parts.join('\0') }
}

/** A path as it is read where a backslash separates. */
export function withBackslashes(path: EntryPath): EntryPath {
  return partsOf(path.replaceAll(/[\\\0]/g, '/')).join('\0')
}

/** Parts of a path that say something: not `.`, and not what is between two slashes. */
function partsOf(name: string): string[] {
  return name.split('/').filter((part) => part !== '' && part !== '.')
}

export function isInside(path: EntryPath, directory: EntryPath): boolean {
  return path.startsWith(`${directory}\0`)
}

export function topOf(path: EntryPath): EntryPath {
  return path.split('\0', 1).join()
}

/** How many directories a file is in. */
export function depthOf(path: EntryPath): number {
  return path.split('\0').length - 1
}

/**
 * Whether a link stays below the archive's root whatever other links it leads through: it may go up
 * from its own directory, which is no link, but not once it has gone down.
 *
 * @param depth of the link: how many directories it is in.
 */
export function staysInside(target: string, depth: number): boolean {
  if (target === '' || target.includes('\0') || isAbsolute(target)) return false
  const parts = partsOf(target.replaceAll('\\', '/'))
  const down = parts.findIndex((part) => part !== '..')
  const up = down === -1 ? parts.length : down
  return up <= depth && !parts.slice(up).includes('..')
}

function isAbsolute(path: string): boolean {
  return /^(?:[/\\]|[a-z]:)/i.test(path)
}
