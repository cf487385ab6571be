/**
 * The types of archives that Composer downloads, as metadata names them. A `tar` may be packed with
 * gzip or bzip2; a `gzip` and a `file` are one file and not a tree.
 */
export const distTypes = ['zip', 'tar', 'gzip', 'xz', 'rar', 'phar', 'file'] as const
export type DistType = (typeof distTypes)[number]

export function isDistType(text: string): text is DistType {
  return (distTypes as readonly string[]).includes(text) // widened, so that any text can be asked for
}
