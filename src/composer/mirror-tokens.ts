import { createHash } from 'node:crypto'

const tokenLengthMax = 200

/**
 * What Composer writes for `%version%` in a mirror's URL: the normalized version, or its MD5 in hex
 * when it holds a slash (`dev-feature/x`).
 */
export function versionToken(versionNormalized: string): string {
  return versionNormalized.includes('/') ? md5(versionNormalized) : versionNormalized
}

/**
 * What Composer writes for `%reference%`: the reference when it is lower-case hex, else its MD5 in
 * hex; nothing when the dist has no reference.
 */
export function referenceToken(reference: string | null | undefined): string {
  if (reference === null || reference === undefined) return ''
  return /^[a-f0-9]*$/.test(reference) ? reference : md5(reference)
}

/** Whether a part of a URL can have come out of `versionToken`; any other names no archive. */
export function isVersionToken(text: string): boolean {
  const lengthFits = text.length > 0 && text.length <= tokenLengthMax
  return lengthFits && !/[/\\%\p{Cc}]|^\.{1,2}$/u.test(text)
}

/** Whether a part of a URL can have come out of `referenceToken`. It may be empty. */
export function isReferenceToken(text: string): boolean {
  return /^[a-f0-9]{0,128}$/.test(text)
}

/** Not a safeguard of ours, only the name that Composer gives to what it can't put into a URL. */
function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}
