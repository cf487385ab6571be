import { isUtf8 } from 'node:buffer'
import { badEntry } from '../entries/problem.ts'
import type { Header } from './header.ts'

/** What headers may say about the one after them. Real ones have a few hundred bytes. */
export const extendedBytesMax = 64 * 1024

/** What the headers before an entry's own say that decides how it is read. */
export interface Extended {
  readonly types: readonly Header['type'][]
  readonly pax: readonly PaxRecord[]
}

type PaxRecord = readonly [key: string, value: Buffer]

export const nothingExtended: Extended = { types: [], pax: [] }

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
  const pax = type.startsWith('pax') ? decisiveRecords(body, entryNumber) : []
  if (!type.startsWith('pax')) checkLongName(body, entryNumber)
  if (type !== 'pax-global') return { types: [...before.types, type], pax: [...before.pax, ...pax] }
  // It is about all entries after it, so that it can't be true of each.
  if (pax.length > 0) throw badEntry(entryNumber, 'has two names')
  return before
}

function decisiveRecords(body: Buffer, entryNumber: number): readonly PaxRecord[] {
  const records = [...paxRecords(body, entryNumber)]
  if (records.some(([key]) => sparse.test(key))) throw badEntry(entryNumber, 'is a sparse file')
  return records.filter(([key]) => decisive.has(key))
}

/** GNU's name is a text that ends with the first NUL. Others would read on. */
function checkLongName(body: Buffer, entryNumber: number): void {
  const end = body.indexOf(0)
  if (end !== -1 && !isZero(body.subarray(end))) throw badEntry(entryNumber, 'has two names')
}

/**
 * PHP doesn't read pax headers, and others prefer what these say to the entry's own header: they have to
 * say the same. So a name that is too long for the header has to be in the form of GNU.
 */
export function checkAgreement(header: Header, { pax }: Extended, entryNumber: number): void {
  for (const [key, value] of pax) {
    if (key === 'size' && value.toString('latin1') !== String(header.sizeBytes)) {
      throw badEntry(entryNumber, 'has two sizes')
    }
    const isOther = key === 'path' && !value.equals(header.name)
    if (isOther || (key === 'linkpath' && !value.equals(header.linkName))) {
      throw badEntry(entryNumber, 'has two names')
    }
  }
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
