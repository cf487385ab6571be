import { createHash } from 'node:crypto'
import type { Pause } from '../../event-loop.ts'
import { Sha256 } from '../../events/types.ts'
import { isInside, topOf, type EntryPath, withBackslashes } from './paths.ts'
import { BadArchive, badEntry } from './problem.ts'
import { sortInTurns } from './turns.ts'

export type Kind = 'file' | 'executable' | 'link' | 'directory'

/** What an archive of any type says of an entry. */
export interface Entry {
  /** From 1, in the order of the archive. */
  readonly number: number
  readonly path: EntryPath
  readonly kind: Kind
}

/** The entries in the order of their paths, and what stands before all of these. */
export interface Tree<Each extends Entry = Entry> {
  readonly entries: readonly Each[]
  /** The single top directory, whose name says nothing, or ''. Composer takes it off as well. */
  readonly root: EntryPath
}

/** Refuses what has no files, paths that two entries have, and what is inside a file or a link. */
export async function treeOf<Each extends Entry>(
  entries: readonly Each[],
  pause: Pause,
): Promise<Tree<Each>> {
  if (!entries.some(isFile)) throw new BadArchive('it has no files')
  const sorted = await sortInTurns(entries, byPath, pause)
  await refuseTaken(sorted, pause)
  if (sorted.some(({ path }) => path.includes('\\'))) {
    const elsewhere = sorted.map(({ number, path, kind }) => {
      return { number, path: withBackslashes(path), kind }
    })
    await refuseTaken(await sortInTurns(elsewhere, byPath, pause), pause)
  }
  return { entries: sorted, root: rootOf(sorted) }
}

export function isFile({ kind }: Pick<Entry, 'kind'>): boolean {
  return kind === 'file' || kind === 'executable'
}

async function refuseTaken(sorted: readonly Entry[], pause: Pause): Promise<void> {
  for (const [index, entry] of sorted.entries()) {
    if (index % 1000 === 0) await pause()
    const before = sorted[index - 1]
    if (before?.path === entry.path) throw badEntry(entry.number, 'has the path of another one')
    if (before !== undefined && before.kind !== 'directory' && isInside(entry.path, before.path)) {
      throw badEntry(entry.number, 'is inside of what is no directory')
    }
  }
}

function byPath(one: Entry, other: Entry): number {
  return one.path < other.path ? -1 : one.path > other.path ? 1 : 0
}

// Sorted, everything below one top stands together.
function rootOf(sorted: readonly Entry[]): EntryPath {
  const first = sorted.find(({ path }) => path !== '')
  const last = sorted.at(-1)
  if (first === undefined || last === undefined) return ''
  const top = topOf(first.path)
  const isDirectory = first.path !== top || first.kind === 'directory'
  return isDirectory && topOf(last.path) === top ? top : ''
}

export const digestBytes = 32

/** Where an entry's digest is among all: as a string each, 100,000 would take 9 MB and not 3. */
export function digestAt({ number }: Pick<Entry, 'number'>): number {
  return (number - 1) * digestBytes
}

/** In the words of git. */
const modes: Readonly<Record<Exclude<Kind, 'directory'>, string>> = {
  file: '100644',
  executable: '100755',
  link: '120000',
}

/**
 * The SHA-256 of a list of what the archive holds, which is the same however the same git tree was
 * packed: a line "mode, SHA-256 of the content, length of the path in bytes, path" for each file and
 * link, in the bytewise order of the parts of the paths, which are relative to the tree's root.
 * Directories have no line, since git has none that is empty. This is kept in events: it can't change.
 *
 * @param digests of the contents: the SHA-256 of an entry is at `digestAt`.
 */
export async function treeSha256(
  { entries, root }: Tree,
  digests: Buffer,
  pause: Pause,
): Promise<Sha256> {
  const list = createHash('sha256')
  for (const entry of entries) {
    const { path, kind } = entry
    if (kind === 'directory') continue
    const at = digestAt(entry)
    const inRoot = root === '' ? path : path.slice(root.length + 1)
    const name = inRoot.replaceAll('\0', '/')
    const digest = digests.toString('hex', at, at + digestBytes)
    list.update(`${modes[kind]} ${digest} ${name.length} ${name}\n`, 'latin1')
    await pause()
  }
  return Sha256.parse(list.digest('hex'))
}
