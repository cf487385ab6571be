/** An entry that need not be true: each field can be set. Without any it is a file. */
export interface RawEntry {
  readonly name: string
  readonly content?: string | Buffer
  /** A letter: `0` a file, `1` a hard link, `2` a link, `5` a directory, and so on. */
  readonly type?: string
  readonly mode?: number
  readonly linkName?: string
  readonly prefix?: string
  /** With the version. */
  readonly magic?: string
  /** Instead of the size of the content, as it stands in the header. */
  readonly sizeField?: string | Buffer
  readonly modeField?: string
  readonly checksum?: number
  /** Instead of zeros up to the next block. */
  readonly padding?: Buffer
}

export interface RawParts {
  /** Instead of two blocks of zeros. */
  readonly end?: Buffer
}

export const blockBytes = 512
export const gnuMagic = 'ustar  \0'
const posixMagic = 'ustar\x0000'

/** Writes a tar block by block as told, which is a good one unless told otherwise. */
export function rawTar(entries: readonly RawEntry[], parts: RawParts = {}): Buffer {
  const { end = Buffer.alloc(2 * blockBytes) } = parts
  return Buffer.concat([...entries.flatMap(encode), end])
}

/** What is said of the next entry by a pax header of records. */
export function pax(records: Readonly<Record<string, string>>, type = 'x'): RawEntry {
  return { name: 'PaxHeaders/1', type, content: Object.entries(records).map(record).join('') }
}

/** The next entry's name in the form of GNU; `K` its link's target. */
export function longName(name: string, type = 'L'): RawEntry {
  return { name: '././@LongLink', type, magic: gnuMagic, content: `${name}\0` }
}

/** Its own length is the first thing that a record says. */
function record([key, value]: readonly [string, string]): string {
  const rest = ` ${key}=${value}\n`
  const restBytes = Buffer.byteLength(rest)
  let length = restBytes
  while (String(length).length + restBytes !== length) length = String(length).length + restBytes
  return `${length}${rest}`
}

function encode(entry: RawEntry): readonly Buffer[] {
  const content = Buffer.from(entry.content ?? '')
  const { padding = Buffer.alloc(-content.length & (blockBytes - 1)) } = entry
  return [headerOf(entry, content.length), content, padding]
}

function headerOf(entry: RawEntry, contentBytes: number): Buffer {
  const { type = '0', linkName = '', prefix = '', magic = posixMagic } = entry
  const header = Buffer.alloc(blockBytes)
  const fields: readonly (readonly [number, string | Buffer])[] = [
    [0, entry.name],
    [100, entry.modeField ?? `${octal(entry.mode ?? modeOf(type), 7)}\0`],
    [108, `${octal(0, 7)}\0${octal(0, 7)}\0`], // owners
    [124, entry.sizeField ?? `${octal(contentBytes, 11)}\0`],
    [136, `${octal(0, 11)}\0`], // time
    [148, ' '.repeat(8)], // the checksum, which counts as blanks
    [156, type],
    [157, linkName],
    [257, magic],
    [345, prefix],
  ]
  for (const [at, text] of fields) Buffer.from(text).copy(header, at)
  const checksum = entry.checksum ?? header.reduce((sum, byte) => sum + byte, 0)
  header.write(`${octal(checksum, 6)}\0 `, 148, 'latin1')
  return header
}

function modeOf(type: string): number {
  return type === '5' ? 0o755 : 0o644
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}
