import { isUtf8 } from 'node:buffer'
import { badEntry } from '../entries/problem.ts'
import type { Header } from './header.ts'

/** What headers may say about the one after them. Real ones have a few hundred bytes. */
export const extendedBytesMax = 64 * 1024

/** What the headers before an entry's own say that decides how it is read. */
export interface Extended {
  readonly types: readonly Header['type'][]
  readonly pax: readonly PaxRecord[]
  /** In the form of GNU. undefined: the entry's own header has all of its name. */
  readonly longName: Buffer | undefined
}

type PaxRecord = readonly [key: string, value: Buffer]

export const nothingExtended: Extended = { types: [], pax: [], longName: undefined }

/** Those of a pax header by which readers find an entry, or where its content ends. */
const decisive = new Set(['path', 'linkpath', 'size'])
const sparse = /^(?:GNU\.sparse\.|SCHILY\.realsize$)/

/** @returns what is known of the next entry once another header before it was read. */
export function withExtended(
  before: Extended,
  { type, body }: { readonly type: Header['type']; readonly body: Buffer },
  entryNumber: number,
): Extended {
  if (before.types.includes(type)) throw badEntry(entryNumber, 'has two names')
  // PHP refuses the whole tar for one, whatever it says.
  if (type === 'long-link-name') throw badEntry(entryNumber, longLink)
  const types = [...before.types, type]
  if (type === 'long-name') return { ...before, types, longName: longNameIn(body, entryNumber) }
  const pax = decisiveRecords(body, entryNumber)
  if (type !== 'pax-global') return { ...before, types, pax: [...before.pax, ...pax] }
  // It is about all entries after it, so that it can't be true of each.
  if (pax.length > 0) throw badEntry(entryNumber, 'has two names')
  return before
}

const longLink = 'is a link to a path in the long form of GNU, which PHP cannot read'

function decisiveRecords(body: Buffer, entryNumber: number): readonly PaxRecord[] {
  const records = [...paxRecords(body, entryNumber)]
  if (records.some(([key]) => sparse.test(key))) throw badEntry(entryNumber, 'is a sparse file')
  return records.filter(([key]) => decisive.has(key))
}

/** GNU's name is a text that ends with the first NUL. Others would read on. */
function longNameIn(body: Buffer, entryNumber: number): Buffer {
  const end = body.indexOf(0)
  if (end === -1) return body
  if (!isZero(body.subarray(end))) throw badEntry(entryNumber, 'has two names')
  return body.subarray(0, end)
}

/**
 * PHP doesn't read pax headers, and others prefer what these say to the entry's own header: they have to
 * say the same. So a name that is too long for the header has to be in the form of GNU, of which the
 * header has the beginning: up to 100 bytes, or fewer where a writer keeps characters whole.
 */
export function checkAgreement(
  header: Header,
  { pax, longName }: Extended,
  entryNumber: number,
): void {
  if (longName !== undefined && !isBeginning(header.name, longName)) {
    throw badEntry(entryNumber, 'has two names')
  }
  const said = new Map([
    ['path', longName ?? header.name],
    ['linkpath', header.linkName],
    ['size', Buffer.from(String(header.sizeBytes))],
  ])
  for (const [key, value] of pax) {
    if (said.get(key)?.equals(value) === true) continue
    throw badEntry(entryNumber, key === 'size' ? 'has two sizes' : 'has two names')
  }
}

function isBeginning(beginning: Buffer, name: Buffer): boolean {
  return beginning.length > 0 && name.subarray(0, beginning.length).equals(beginning)
}

/** Records are "length key=value\n", the length that of all of it. */
function* paxRecords(body: Buffer, entryNumber: number): Generator<PaxRecord> {
  for (let at = 0; at < body.length;) {
    const keyAt = body.indexOf(' ', at) + 1
    const valueAt = body.indexOf('=', keyAt) + 1
    const end = at + recordBytes(body.subarray(at, keyAt))
    const isWhole = at < keyAt && keyAt < valueAt && valueAt < end && body[end - 1] === lineFeed
    if (!isWhole || !isUtf8(body.subarray(at, end))) {
      throw badEntry(entryNumber, 'has a pax header that is damaged')
    }
    yield [body.toString('utf8', keyAt, valueAt - 1), body.subarray(valueAt, end - 1)]
    at = end
  }
}

const lineFeed = 0x0a

function recordBytes(digits: Buffer): number {
  const text = digits.length > 10 ? '' : digits.toString('latin1')
  return /^[1-9]\d* $/.test(text) ? Number.parseInt(text, 10) : Number.NaN
}

const zeros = Buffer.alloc(64 * 1024)

export function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const part = bytes.subarray(at, at + zeros.length)
    if (!part.equals(zeros.subarray(0, part.length))) return false
  }
  return true
}
