/**
 * What is wrong with an archive, as a clause. Names and texts from the archive are never in it, since it
 * is logged and sent to clients.
 */
export class BadArchive extends Error {
  override readonly name = 'BadArchive'
}

/** @param entryNumber counts from 1, in the order of the archive. */
export function badEntry(entryNumber: number, problem: string): BadArchive {
  return new BadArchive(`its entry ${entryNumber} ${problem}`)
}
