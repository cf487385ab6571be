import { isDistType, type DistType } from '../composer/dist-types.ts'

interface Mark {
  readonly bytes: Buffer
  readonly at: number
}

const mark = (text: string, at = 0): Mark => ({ bytes: Buffer.from(text, 'latin1'), at })
const zip = [mark('PK\x03\x04'), mark('PK\x05\x06')]
const gzip = mark('\x1f\x8b')
const tar = [mark('ustar', 257), gzip, mark('BZh')]

/**
 * How archives of a type begin, one way or another. It tells them from a login page, and that is all
 * it is for. A phar is a script, or packed like one of the others; a `file` may be anything.
 */
const beginnings: Readonly<Record<Exclude<DistType, 'file'>, readonly Mark[]>> = {
  zip,
  tar,
  gzip: [gzip],
  xz: [mark('\xfd7zXZ\0')],
  rar: [mark('Rar!\x1a\x07')],
  phar: [mark('<?php'), mark('#!'), ...zip, ...tar],
}
/** With so many bytes it is certain. */
export const beginningBytes = 262

/** Whether an archive of this type can begin with these bytes, however few they are. */
export function beginsLike(distType: string, bytes: Buffer): boolean {
  if (!isDistType(distType) || distType === 'file') return true
  return beginnings[distType].some((beginning) => {
    const found = bytes.subarray(beginning.at, beginning.at + beginning.bytes.length)
    return beginning.bytes.subarray(0, found.length).equals(found)
  })
}
