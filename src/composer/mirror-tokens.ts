import { createHash } from 'node:crypto'

const tokenLengthMax = 200
const commit = /^[0-9a-f]{40}$/
/** What Composer takes behind `#`. */
const commitOrAbbreviation = /^[0-9a-f]{1,40}$/

/** Where archives are here: what Composer fills in is in percent signs. The path of http's route. */
export function distTemplate(publicUrl: string): string {
  return `${publicUrl}/dist-proxy/%package%/%version%/%reference%.%type%`
}

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

export type DistTokens = {
  readonly package: string
  readonly version: string
  readonly reference: string
  readonly type: string
  /** As it is written: `v1.2.0` and not `1.2.0.0`, and never hashed. */
  readonly prettyVersion: string
}

/** The URL of an archive that metadata may name by a template, which Composer fills in everywhere. */
export function filledIn(distUrl: string, tokens: DistTokens): string {
  return distUrl
    .replaceAll('%package%', () => tokens.package)
    .replaceAll('%version%', () => tokens.version)
    .replaceAll('%reference%', () => tokens.reference)
    .replaceAll('%type%', () => tokens.type)
    .replaceAll('%prettyVersion%', () => tokens.prettyVersion)
}

/**
 * Where the archive of another commit of the same branch is; undefined when that can't be told from
 * where the archive of one commit is.
 */
export function urlOfCommit(
  known: { readonly url: string; readonly reference: string | null },
  wanted: string,
): string | undefined {
  const { url, reference } = known
  if (reference === null || !commit.test(reference)) return undefined
  if (!commitOrAbbreviation.test(wanted)) return undefined
  const around = url.split(reference)
  return around.length === 2 ? around.join(wanted) : undefined
}

/** Whether it may be the beginning of a commit, and so what it stands for may change: a branch can have such a name too. */
export function isAbbreviatedCommit(text: string): boolean {
  return commitOrAbbreviation.test(text) && !commit.test(text)
}

/** Whether a part of a URL can have come out of `versionToken`; any other names no archive. */
export function isVersionToken(text: string): boolean {
  const lengthFits = text.length > 0 && text.length <= tokenLengthMax
  return lengthFits && !/[/\\\p{Cc}]|^\.{1,2}$/u.test(text)
}

/** Whether a part of a URL can have come out of `referenceToken`. It may be empty. */
export function isReferenceToken(text: string): boolean {
  return /^[a-f0-9]{0,128}$/.test(text)
}

/** Not a safeguard of ours, only the name that Composer gives to what it can't put into a URL. */
function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}
