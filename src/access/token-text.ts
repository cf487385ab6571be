import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const prefix = 'almanac_'

/** Also what a scanner for secrets looks for; README.md has it. */
const form = /^almanac_[A-Za-z0-9_-]{43}[0-9a-f]{8}$/

/** 256 random bits between a prefix that says what it is and the CRC-32 of both, in hex. */
export function newTokenText(bytes: Buffer = randomBytes(32)): string {
  const text = `${prefix}${bytes.toString('base64url')}`
  return `${text}${checksumOf(text)}`
}

/** Whether it can be a token: what was mistyped or cut off isn't worth asking the database for. */
export function isTokenText(text: string): boolean {
  return form.test(text) && checksumOf(text.slice(0, -8)) === text.slice(-8)
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
