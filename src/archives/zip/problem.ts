/**
 * What is wrong with a zip, as a clause. Names and texts from the archive are never in it, since it is
 * logged and sent to clients.
 */
export class BadZip extends Error {
  override readonly name = 'BadZip'
}

/** @param entryNumber counts from 1, in the order of the central directory. */
export function badEntry(entryNumber: number, problem: string): BadZip {
  return new BadZip(`its entry ${entryNumber} ${problem}`)
}
