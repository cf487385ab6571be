import { rawZip, stored, unixMode } from './zips/raw.ts'

export interface ZipEntry {
  /** With `/` between its parts. One at its end makes the entry a directory, without content. */
  readonly path: string
  readonly content?: string | Buffer
  /** As in `stat`; with a file type (0o120777) it is kept, so that odd archives can be made. */
  readonly mode?: number
}

export interface ZipOptions {
  readonly method?: 'deflate' | 'stored'
  /** Of the whole archive. GitHub puts the commit there. */
  readonly comment?: string
}

/** Writes a small zip archive (no zip64, no encryption), the same bytes for the same input. */
export function zip(entries: readonly ZipEntry[], options: ZipOptions = {}): Buffer {
  const { method = 'deflate', comment = '' } = options
  const raw = entries.map(({ path, content = '', mode }) => ({
    name: path,
    content,
    ...(method === 'stored' && { both: { method: stored } }),
    central: mode === undefined ? {} : { attributes: attributesOf(path, mode) },
  }))
  return rawZip(raw, { comment })
}

/** What GitHub's zipball service makes of a tree: everything in one folder, the commit as comment. */
export function zipball(
  folder: string,
  tree: readonly ZipEntry[],
  options: ZipOptions = {},
): Buffer {
  const entries = tree.map((entry) => ({ ...entry, path: `${folder}/${entry.path}` }))
  return zip([{ path: `${folder}/` }, ...entries], options)
}

function attributesOf(path: string, mode: number): number {
  const isDirectory = path.endsWith('/')
  const type = mode > 0o7777 ? 0 : isDirectory ? 0o040000 : 0o100000
  return unixMode(type | mode) + (isDirectory ? 0x10 : 0)
}
