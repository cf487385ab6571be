/** What turns one body into another: the ends they share, and the bytes between. */
export interface Splice {
  readonly prefixBytes: number
  readonly suffixBytes: number
  readonly middle: Buffer
}

/**
 * One contiguous hunk, because that is how Packagist's documents change: a version is put in front,
 * or one branch gets another commit. Measured on real histories: 1/14 of whole gzipped copies.
 */
export function splice(base: Buffer, next: Buffer): Splice {
  const shared = Math.min(base.length, next.length)
  let prefixBytes = 0
  while (prefixBytes < shared && base[prefixBytes] === next[prefixBytes]) prefixBytes++
  let suffixBytes = 0
  const suffixMax = shared - prefixBytes
  while (
    suffixBytes < suffixMax &&
    base[base.length - 1 - suffixBytes] === next[next.length - 1 - suffixBytes]
  ) {
    suffixBytes++
  }
  return { prefixBytes, suffixBytes, middle: next.subarray(prefixBytes, next.length - suffixBytes) }
}

/** The inverse of `splice`: `applySplice(base, splice(base, next))` equals `next`. */
export function applySplice(base: Buffer, { prefixBytes, suffixBytes, middle }: Splice): Buffer {
  return Buffer.concat([
    base.subarray(0, prefixBytes),
    middle,
    base.subarray(base.length - suffixBytes),
  ])
}
