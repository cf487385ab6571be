import { BadArchive } from './problem.ts'

/** The largest source trees have a fifth of it. */
export const entriesMax = 100_000
/** Of all names together, which are held in memory: 100,000 of about 120 bytes, with their headers. */
export const namesBytesMax = 16 * 1024 * 1024
export const linkBytesMax = 4096

const unpackedBytesMax = 2 * 1024 ** 3
/** A source tree packs to a fifth; what packs to a hundredth only fills disks. */
const ratioMax = 100
const unpackedBytesAlwaysFine = 32 * 1024 * 1024

/** @throws BadArchive when an archive of so many bytes unpacks to more than it may. */
export function checkUnpacked(unpackedBytes: number, sizeBytes: number): void {
  if (unpackedBytes > unpackedBytesMax) throw new BadArchive('it unpacks to more than 2 GiB')
  if (unpackedBytes > Math.max(unpackedBytesAlwaysFine, ratioMax * sizeBytes)) {
    throw new BadArchive(`it unpacks to more than ${ratioMax} times its size`)
  }
}
