import { crc32, deflateRawSync } from 'node:zlib'

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

const stored = 0
const deflated = 8
const utf8Names = 0x0800
/** 2020-01-01 00:00:00: the same entries always give the same bytes. */
const dosTime = 0
const dosDate = (40 << 9) | (1 << 5) | 1
/** The host system "Unix" (3) makes the upper half of the external attributes a mode. */
const madeByUnix = (3 << 8) | 20
const neededVersion = 20

/** Writes a small zip archive (no zip64, no encryption), the same bytes for the same input. */
export function zip(entries: readonly ZipEntry[], options: ZipOptions = {}): Buffer {
  const { method = 'deflate', comment = '' } = options
  const files: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const entry of entries) {
    const { header, body } = encode(entry, method)
    const name = Buffer.from(entry.path)
    const file = Buffer.concat([uint32(0x04034b50), uint16(neededVersion), header, name, body])
    files.push(file)
    directory.push(centralHeader(entry, { header, name, offset }))
    offset += file.length
  }
  const index = Buffer.concat(directory)
  const end = Buffer.concat([
    uint32(0x06054b50),
    uint16(0, 0, entries.length, entries.length),
    uint32(index.length, offset),
    uint16(Buffer.byteLength(comment)),
    Buffer.from(comment),
  ])
  return Buffer.concat([...files, index, end])
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

/** The part that a local and a central header have in common, and the bytes of the entry. */
function encode(entry: ZipEntry, method: 'deflate' | 'stored'): { header: Buffer; body: Buffer } {
  const content = Buffer.from(entry.content ?? '')
  const isStored = method === 'stored' || content.length === 0
  const body = isStored ? content : deflateRawSync(content, { level: 9 })
  const header = Buffer.concat([
    uint16(utf8Names, isStored ? stored : deflated, dosTime, dosDate),
    uint32(crc32(content), body.length, content.length),
    uint16(Buffer.byteLength(entry.path), 0), // no extra field
  ])
  return { header, body }
}

function centralHeader(
  entry: ZipEntry,
  { header, name, offset }: { header: Buffer; name: Buffer; offset: number },
): Buffer {
  const isDirectory = entry.path.endsWith('/')
  const mode = entry.mode ?? (isDirectory ? 0o755 : 0o644)
  const type = mode > 0o7777 ? 0 : isDirectory ? 0o040000 : 0o100000
  return Buffer.concat([
    uint32(0x02014b50),
    uint16(madeByUnix, neededVersion),
    header,
    uint16(0, 0, 0), // no comment, first disk, not marked as text
    uint32((((type | mode) << 16) | (isDirectory ? 0x10 : 0)) >>> 0, offset),
    name,
  ])
}

function uint16(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 2)
  for (const [index, value] of values.entries()) buffer.writeUInt16LE(value, index * 2)
  return buffer
}

function uint32(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) buffer.writeUInt32LE(value, index * 4)
  return buffer
}
