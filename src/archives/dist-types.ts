import { isDistType, type DistType } from '../composer/dist-types.ts'

interface Mark {
  readonly bytes: Buffer
  readonly at: number
}

const mark = (text: string, at = 0): Mark => ({ bytes: Buffer.from(text, 'latin1'), at })
const zip = [mark('PK\x03\x04'), mark('PK\x05\x06')]
const gzip = mark('\x1f\x8b')
const bzip2 = mark('BZh')
const tar = [mark('ustar', 257), gzip, bzip2]
const scripts = [mark('<?php'), mark('#!')]

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
  phar: [...scripts, ...zip, ...tar],
}

/**
 * What nothing here can unpack, and so nobody has looked through; operators let them pass by these names.
 * A phar is one when it is a script.
 */
export const sealedTypes = ['bzip2', 'phar', 'rar', 'xz'] as const
export type SealedType = (typeof sealedTypes)[number]

/** With so many bytes it is certain. */
export const beginningBytes = 262

/**
 * Why a download isn't taken, by how it begins.
 *
 * @param unchecked types that may pass without being looked through.
 */
export function problemOfBeginning(
  distType: string,
  bytes: Buffer,
  unchecked: readonly SealedType[],
): string | undefined {
  if (!beginsLike(distType, bytes)) return `it is not a ${distType}`
  const sealed = sealedTypeOf(distType, bytes)
  if (sealed === undefined || unchecked.includes(sealed)) return undefined
  return `it can't be looked through, being ${sealed}; PROXY_UNCHECKED_TYPES may let it pass`
}

/** undefined for what can be looked through, and for a `file`, which nobody unpacks. */
export function sealedTypeOf(distType: string, bytes: Buffer): SealedType | undefined {
  if (distType === 'rar' || distType === 'xz') return distType
  if (distType !== 'tar' && distType !== 'phar') return undefined
  if (beginsWith(bytes, bzip2)) return 'bzip2'
  return scripts.some((script) => beginsWith(bytes, script)) ? 'phar' : undefined
}

function beginsWith(bytes: Buffer, { bytes: beginning }: Mark): boolean {
  return bytes.subarray(0, beginning.length).equals(beginning)
}

/** Whether an archive of this type can begin with these bytes, however few they are. */
export function beginsLike(distType: string, bytes: Buffer): boolean {
  if (!isDistType(distType) || distType === 'file') return true
  return beginnings[distType].some((beginning) => {
    const found = bytes.subarray(beginning.at, beginning.at + beginning.bytes.length)
    return beginning.bytes.subarray(0, found.length).equals(found)
  })
}
