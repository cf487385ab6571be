import { isSpecial, specialMode } from '../entries/mode.ts'
import { badEntry } from '../entries/problem.ts'

export const blockBytes = 512

/** What decides how a tar goes on after a header, and what an extended header may have said before. */
export interface Header {
  readonly type: HeaderType
  /** Of what follows, without the padding. */
  readonly sizeBytes: number
  readonly name: Buffer
  readonly linkName: Buffer
}

type HeaderType = 'file' | 'other' | 'pax' | 'pax-global' | 'long-name' | 'long-link-name'

/** Files, links of both kinds and directories; then what says more about the header after it. */
const types = new Map<string, HeaderType>([
  ['\0', 'file'],
  ['0', 'file'],
  ['1', 'other'],
  ['2', 'other'],
  ['5', 'other'],
  ['x', 'pax'],
  ['g', 'pax-global'],
  ['L', 'long-name'],
  ['K', 'long-link-name'],
])
const directoryType = '5'

const posixMagic = Buffer.from('ustar\x0000', 'latin1')
const gnuMagic = Buffer.from('ustar  \0', 'latin1')
/**
 * Reads what tar-stream doesn't tell of a header, and refuses what readers take differently.
 *
 * @param entryNumber for the error.
 */
export function headerIn(block: Buffer, entryNumber: number): Header {
  const name = nameIn(block, entryNumber)
  const typeFlag = block.toString('latin1', 156, 157)
  const type = types.get(typeFlag)
  const sizeBytes = numberIn(block.subarray(124, 136), entryNumber)
  const mode = numberIn(block.subarray(100, 108), entryNumber)
  if (type === undefined) throw badEntry(entryNumber, 'is neither a file, a directory nor a link')
  if (type === 'other' && sizeBytes > 0) {
    throw badEntry(entryNumber, 'is a directory or a link with content')
  }
  if (typeFlag !== directoryType && isSpecial(mode)) throw badEntry(entryNumber, specialMode)
  return { type, sizeBytes, name, linkName: textIn(block.subarray(157, 257)) }
}

function nameIn(block: Buffer, entryNumber: number): Buffer {
  const magic = block.subarray(257, 265)
  const isGnu = magic.equals(gnuMagic)
  if (!isGnu && !magic.equals(posixMagic)) throw badEntry(entryNumber, 'has no header of a tar')
  const [name, prefix] = [textIn(block.subarray(0, 100)), textIn(block.subarray(345, 500))]
  if (prefix.length === 0) return name
  // GNU has times there, and PHP takes them for a part of the name.
  if (isGnu) throw badEntry(entryNumber, 'has two names')
  return Buffer.concat([prefix, Buffer.from('/'), name])
}

/** In octal: other forms are needed for files over 8 GiB only, and not read by all. */
function numberIn(field: Buffer, entryNumber: number): number {
  const digits = /^ *([0-7]+)[ \0]*$/.exec(field.toString('latin1'))?.[1]
  if (digits !== undefined) return Number.parseInt(digits, 8)
  throw badEntry(entryNumber, 'has a number that is read in two ways')
}

function textIn(field: Buffer): Buffer {
  const end = field.indexOf(0)
  return Buffer.from(end === -1 ? field : field.subarray(0, end))
}
