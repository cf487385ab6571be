import { open } from 'node:fs/promises'
import { unpack } from './content.ts'
import { readDirectory } from './directory.ts'
import { readEnd } from './end-record.ts'
import { findContent } from './local.ts'
import { BadArchive } from '../entries/problem.ts'
import { isFile, treeOf } from '../entries/tree.ts'
import { createPause } from '../../event-loop.ts'
import { openWindow } from '../entries/window.ts'

export type FileInZip =
  | { readonly outcome: 'read'; readonly bytes: Buffer }
  | { readonly outcome: 'missing' | 'no_file' | 'too_large' }
  /** What is wrong with the zip, as in `Inspection`. */
  | { readonly outcome: 'bad_zip'; readonly problem: string }

export interface FileAtRoot {
  /** Latin-1 and without a slash. */
  readonly name: string
  readonly sizeBytesMax: number
}

/**
 * A file at the root of what Composer installs of a zip, which is its single top directory if it has one.
 * Tells it only as far as it is needed: whether all of the zip is sound, `inspectZip` says.
 */
export async function readFileAtRoot(
  zip: { readonly path: string; readonly sizeBytes: number },
  wanted: FileAtRoot,
): Promise<FileInZip> {
  const file = await open(zip.path)
  const pause = createPause()
  try {
    const window = openWindow(file, zip.sizeBytes)
    const end = await readEnd(window)
    const { entries, root } = await treeOf(await readDirectory(window, end, pause), pause)
    const path = root === '' ? wanted.name : `${root}\0${wanted.name}`
    const entry = entries.find((each) => each.path === path)
    if (entry === undefined) return { outcome: 'missing' }
    if (!isFile(entry)) return { outcome: 'no_file' }
    if (entry.sizeBytes > wanted.sizeBytesMax) return { outcome: 'too_large' }
    const next = nextAfter(entry.offset, entries) ?? end.directoryOffset
    const content = { entry, offset: await findContent(window, entry, next) }
    return { outcome: 'read', bytes: await unpack(window, content, pause) }
  } catch (error) {
    if (error instanceof BadArchive) return { outcome: 'bad_zip', problem: error.message }
    throw error
  } finally {
    await file.close()
  }
}

/** Where what follows begins. */
function nextAfter(
  offset: number,
  entries: readonly { readonly offset: number }[],
): number | undefined {
  let next: number | undefined
  for (const entry of entries) {
    if (entry.offset > offset && (next === undefined || entry.offset < next)) next = entry.offset
  }
  return next
}
