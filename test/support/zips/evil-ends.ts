import { gzipSync } from 'node:zlib'
import type { EvilZip } from './evil.ts'
import { rawZip, stored, uint16, uint32, uint64 } from './raw.ts'

const one = [{ name: 'acme/composer.json', content: '{}' }]
const two = [...one, { name: 'acme/src/Log.php', content: '<?php' }]
const good = rawZip(two)
const junk = Buffer.from('junk')
/** The end of an archive that holds nothing. */
const emptyEnd = rawZip([])

/** An end record after which the file goes on for `commentBytes`. */
function endAt(directoryOffset: number, commentBytes = 0): Buffer {
  const counts = uint16(0, 0, 1, 1)
  return Buffer.concat([
    uint32(0x06054b50),
    counts,
    uint32(64, directoryOffset),
    uint16(commentBytes),
  ])
}

/** A file's content that is a directory with its end, at the offsets that it has in the whole archive. */
function ambiguous(): Buffer {
  const name = 'acme/data'
  const shown = rawZip([{ name: 'evil', content: 'evil' }])
  const contentOffset = 30 + name.length
  const local = shown.subarray(0, 30 + 4 + shown.readUInt32LE(18))
  const directory = shown.subarray(local.length, -22)
  const end = endAt(contentOffset + local.length)
  const content = Buffer.concat([local, directory, end])
  return rawZip([{ name, content, both: { method: stored } }])
}

function tar(): Buffer {
  const header = Buffer.alloc(512)
  header.write('acme/composer.json')
  header.write('ustar', 257)
  return Buffer.concat([header, Buffer.alloc(1024)])
}

/** So many entries without content, all of the same name. */
function empties(count: number): Buffer {
  const sample = rawZip([{ name: 'a' }])
  const local = sample.subarray(0, 31)
  const central = sample.subarray(31, -22)
  const directoryOffset = count * local.length
  const directoryBytes = count * central.length
  const end = rawZip([], { end64: { count, countHere: count, directoryBytes, directoryOffset } })
  end.writeBigUInt64LE(BigInt(directoryOffset + directoryBytes), 64) // in the locator
  const files = Buffer.alloc(directoryOffset, local)
  return Buffer.concat([files, Buffer.alloc(directoryBytes, central), end])
}

/** Files that are no zip, and zips whose end says something else than what stands before it. */
export const evilEnds: readonly EvilZip[] = [
  ['nothing at all', /not a zip/, () => Buffer.alloc(0)],
  ['three bytes', /not a zip/, () => Buffer.from('PK\x03')],
  ['a login page', /not a zip/, () => Buffer.from('<html>Please sign in</html>')],
  ['a tar', /not a zip/, tar],
  ['a packed tar', /not a zip/, () => gzipSync(tar())],
  ['no end', /cut off/, () => good.subarray(0, -22)],
  ['half of a file', /cut off/, () => good.subarray(0, 40)],
  ['an end that was cut off', /cut off/, () => good.subarray(0, -1)],
  ['a comment that was cut off', /cut off/, () => rawZip(one, { comment: 'abc' }).subarray(0, -1)],
  ['a page after its end', /follows/, () => rawZip(one, { after: Buffer.from('<html>') })],
  ['zeros after its end', /follows/, () => rawZip(one, { after: Buffer.alloc(512) })],
  ['a zip behind a zip', /more than one end/, () => Buffer.concat([good, rawZip(one)])],
  ['its end twice', /more than one end/, () => rawZip(one, { afterDirectory: endAt(0, 22) })],
  [
    'an end in its comment, at which a search from behind stops',
    /more than one end/,
    () => rawZip(one, { comment: Buffer.concat([junk, emptyEnd]) }),
  ],
  [
    'an end in its comment that makes the comment shorter',
    /more than one end/,
    () => rawZip(one, { comment: Buffer.concat([endAt(0, 4), junk]) }),
  ],
  ['a second directory in a file, with an end', /more than one end/, ambiguous],
  [
    'a second directory that only a ZIP64 end knows',
    /more than one end/,
    () => {
      const recordOffset = 31 + rawZip(one).length - 22
      const inner = rawZip(one, { end64: { recordOffset } })
      return rawZip([{ name: 'a', content: inner, both: { method: stored } }])
    },
  ],
  [
    'ends without number',
    /more than one end/,
    () => rawZip([{ name: 'a', content: 'PK\x05\x06'.repeat(8000), both: { method: stored } }]),
  ],
  ['a part of a split zip', /split/, () => rawZip(one, { end: { disk: 1 } })],
  ['two numbers of entries', /two numbers/, () => rawZip(two, { end: { countHere: 1 } })],
  [
    'an entry more than its end says',
    /other entries/,
    () => rawZip(two, { end: { countHere: 1, count: 1 } }),
  ],
  [
    'an entry less than its end says',
    /other entries/,
    () => rawZip(two, { end: { countHere: 3, count: 3 } }),
  ],
  [
    'a directory that ends in an entry',
    /other entries/,
    () => {
      const entries = [{ name: 'a', central: { comment: 'what it is' } }]
      return rawZip(entries, {
        directory: (headers) => headers.map((each) => each.subarray(0, -1)),
      })
    },
  ],
  [
    'a directory that begins later',
    /not where/,
    () => rawZip(one, { end: { directoryOffset: 9 } }),
  ],
  ['a directory behind its end', /not where/, () => rawZip(one, { end: { directoryOffset: 2e9 } })],
  ['too small a directory', /not where/, () => rawZip(two, { end: { directoryBytes: 64 } })],
  [
    'a script before it',
    /before its first/,
    () => rawZip(two, { before: Buffer.from('#!/bin/sh') }),
  ],
  [
    'a script before it that its offsets leave out',
    /not where/,
    () => Buffer.concat([Buffer.from('#!/bin/sh'), good]),
  ],
  ['an empty zip with something before its end', /no files/, () => rawZip([], { before: junk })],
  ['bytes before its directory', /belong to none/, () => rawZip(two, { beforeDirectory: junk })],
  [
    'a signed directory',
    /not where/,
    () => rawZip(two, { afterDirectory: Buffer.concat([uint32(0x05054b50), uint16(4), junk]) }),
  ],
  [
    'something else in its directory',
    /something else/,
    () => rawZip(two, { directory: (headers) => headers.toReversed().map((each) => each.fill(1)) }),
  ],
  ['a ZIP64 end that is elsewhere', /ZIP64 end/, () => rawZip(one, { end64: { recordOffset: 0 } })],
  ['a ZIP64 end on another disk', /ZIP64 end/, () => rawZip(one, { end64: { disks: 2 } })],
  [
    'a ZIP64 end with room for more',
    /ZIP64 end/,
    () => rawZip(one, { end64: { recordBytes: 50 } }),
  ],
  ['a ZIP64 end without its record', /ZIP64 end/, withoutRecord],
  [
    'a ZIP64 end and a plain one that differ in the number of entries',
    /disagree/,
    () => rawZip(two, { end64: { count: 1, countHere: 1 }, end: { count: 2, countHere: 2 } }),
  ],
  [
    'a ZIP64 end and a plain one that differ in where the directory is',
    /disagree/,
    () => rawZip(two, { end64: {}, end: { directoryOffset: 0 } }),
  ],
  [
    'a ZIP64 end with 2^60 entries',
    /more than 100000 entries/,
    () => rawZip(two, { end64: { count: 2 ** 60, countHere: 2 ** 60 } }),
  ],
  ['a directory at 2^63', /not where/, () => rawZip(two, { end64: { directoryOffset: 2 ** 63 } })],
  [
    'an end that leaves all to a ZIP64 end it lacks',
    /more than|too large|not where/,
    () =>
      rawZip(two, {
        end: { directoryBytes: 0xffffffff, directoryOffset: 0xffffffff },
      }),
  ],
  ['a million empty entries', /more than 100000 entries/, () => empties(1_000_000)],
  ['100,000 entries of one name', /path of another/, () => empties(100_000)],
  [
    'a directory of 17 MB',
    /too large/,
    () => {
      const comment = 'c'.repeat(65_000)
      const names = Array.from({ length: 260 }, (_, index) => ({ name: String(index) }))
      return rawZip(names.map((entry) => ({ ...entry, central: { comment } })))
    },
  ],
]

function withoutRecord(): Buffer {
  const locator = Buffer.concat([uint32(0x07064b50, 0), uint64(0), uint32(1)])
  return rawZip(one, { afterDirectory: Buffer.concat([Buffer.alloc(56), locator]) })
}
