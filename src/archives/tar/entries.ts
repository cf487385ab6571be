import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract, type Header } from 'tar-stream'
import { bytesOf } from '../entries/inflate.ts'
import { entriesMax, namesBytesMax } from '../entries/limits.ts'
import { executableBit } from '../entries/mode.ts'
import { type EntryPath, pathOfName } from '../entries/paths.ts'
import { BadArchive, badEntry } from '../entries/problem.ts'
import { digestAt, type Entry, type Kind } from '../entries/tree.ts'
import type { Pause } from '../../event-loop.ts'
import { isTarFault } from './fault.ts'
import { gated } from './gate.ts'

/** All that a tar holds, but for the contents, of which there are the digests. */
export interface Entries {
  readonly entries: readonly Entry[]
  /** The SHA-256 of an entry's content is at `digestAt`. */
  readonly digests: Buffer
  readonly links: readonly Link[]
  readonly hardLinks: readonly HardLink[]
}

export interface Link {
  readonly entry: Entry
  readonly target: string
}

/** Another name of a file, whose content stands with its first one. */
export interface HardLink {
  readonly number: number
  readonly path: EntryPath
  readonly target: EntryPath
}

/** Latin-1, a character a byte, as for zips. It isn't among the types of tar-stream's options. */
const options = { highWaterMark: 64 * 1024, filenameEncoding: 'latin1' }

/**
 * Reads a tar to its end. Refuses what can be refused by an entry alone: its name, type and size.
 *
 * @throws BadArchive, also when it isn't whole.
 */
export async function readEntries(chunks: AsyncGenerator<Buffer>, pause: Pause): Promise<Entries> {
  const read: Reading = { entries: [], digests: Buffer.alloc(0), links: [], hardLinks: [] }
  const tar = extract(options)
  const feeding = pipeline(Readable.from(gated(chunks), { objectMode: false }), tar)
  // What it fails with, whoever reads the entries gets too.
  const fed = feeding.catch(() => undefined)
  let number = 0
  let namesBytes = 0
  try {
    for await (const entry of tar) {
      number += 1
      namesBytes += entry.header.name.length + (entry.header.linkname ?? '').length
      if (number > entriesMax) throw new BadArchive(`it has more than ${entriesMax} entries`)
      if (namesBytes > namesBytesMax) throw new BadArchive('its names are too long together')
      await addEntry(read, { number, header: entry.header, content: entry })
      await pause()
    }
    return read
  } catch (error) {
    throw isTarFault(error) ? new BadArchive('it has a header that is damaged') : error
  } finally {
    tar.destroy()
    await fed
  }
}

interface Reading extends Entries {
  digests: Buffer
  readonly entries: Entry[]
  readonly links: Link[]
  readonly hardLinks: HardLink[]
}

interface Next {
  readonly number: number
  readonly header: Header
  readonly content: AsyncIterable<unknown>
}

async function addEntry(read: Reading, { number, header, content }: Next): Promise<void> {
  const { entries, links, hardLinks } = read
  read.digests = roomy(read.digests, digestAt({ number: number + 1 }))
  const path = pathIn(header.name, number)
  const target = header.linkname ?? ''
  if (header.type === 'link') {
    hardLinks.push({ number, path, target: pathIn(target, number) })
    return
  }
  const entry = { number, path, kind: kindIn(header, number) }
  if (path === '' && entry.kind !== 'directory') throw badEntry(number, 'has no name')
  entries.push(entry)
  if (entry.kind === 'link') links.push({ entry, target })
  const sha256 = createHash('sha256')
  if (entry.kind === 'link') sha256.update(target, 'latin1')
  if (header.size > 0) for await (const piece of content) sha256.update(bytesOf(piece))
  read.digests.write(sha256.digest('hex'), digestAt(entry), 'hex')
}

function pathIn(name: string, entryNumber: number): EntryPath {
  const { path, problem } = pathOfName(name)
  if (path === undefined) throw badEntry(entryNumber, problem)
  return path
}

/** Names and types that contradict each other are read in two ways. */
function kindIn({ type, name, mode }: Header, entryNumber: number): Kind {
  if (type === 'directory') return 'directory'
  if (!name.endsWith('/')) {
    if (type === 'symlink') return 'link'
    if (type === 'file') return (mode & executableBit) === 0 ? 'file' : 'executable'
  }
  throw badEntry(entryNumber, 'is neither a file, a directory nor a link')
}

/** The same with room for so many bytes, and for as many again, so that it is seldom copied. */
function roomy(digests: Buffer, sizeBytes: number): Buffer {
  if (digests.length >= sizeBytes) return digests
  const larger = Buffer.alloc(2 * sizeBytes)
  digests.copy(larger)
  return larger
}
