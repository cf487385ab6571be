import { createHash, hash } from 'node:crypto'
import { crc32, inflateRawSync } from 'node:zlib'
import { inflate, problemOfDeflated } from '../entries/inflate.ts'
import { stored, type Entry } from './directory.ts'
import { badEntry } from '../entries/problem.ts'
import type { Pause } from '../../event-loop.ts'
import { slicesOf, type Window } from '../entries/window.ts'

/**
 * Up to this size, packed and unpacked, an entry is unpacked in one go on the event loop: that is a
 * third of a millisecond at most, and several times faster than a stream for each of many small files.
 */
const smallBytes = 64 * 1024

/** zlib takes no smaller one. */
const chunkBytesMin = 64

export interface Content {
  readonly entry: Entry
  readonly offset: number
}

function isSmall({ packedBytes, sizeBytes }: Entry): boolean {
  return packedBytes <= smallBytes && sizeBytes <= smallBytes
}

/**
 * Unpacks a small entry; the bytes are valid until the file is read again.
 *
 * @throws BadArchive when they are not of the size and CRC-32 that the directory says.
 */
export async function unpackSmall(file: Window, { entry, offset }: Content): Promise<Buffer> {
  const packed = await file.bytes(offset, entry.packedBytes)
  const content = entry.method === stored ? packed : inflateSmall(packed, entry)
  const measure = createMeasure(entry)
  measure.add(content)
  measure.end()
  return content
}

/** The SHA-256 of an entry, unpacked as it goes by. @throws BadArchive like `unpackSmall`. */
export async function digestOf(file: Window, content: Content, pause: Pause): Promise<string> {
  const { entry } = content
  if (isSmall(entry)) return hash('sha256', await unpackSmall(file, content))
  const sha256 = createHash('sha256')
  await unpackLarge(file, content, async (chunk) => {
    sha256.update(chunk)
    await pause()
  })
  return sha256.digest('hex')
}

/** An entry, unpacked: for those that are known to be no larger than memory. @throws BadArchive likewise. */
export async function unpack(file: Window, content: Content, pause: Pause): Promise<Buffer> {
  // Copied: what is read next takes the place of these bytes.
  if (isSmall(content.entry)) return Buffer.from(await unpackSmall(file, content))
  const chunks: Buffer[] = []
  await unpackLarge(file, content, async (chunk) => {
    chunks.push(chunk)
    await pause()
  })
  return Buffer.concat(chunks)
}

/** @param take gets each chunk as long as it is valid, until it resolves. */
async function unpackLarge(
  file: Window,
  { entry, offset }: Content,
  take: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  const measure = createMeasure(entry)
  const range = { from: offset, to: offset + entry.packedBytes }
  for await (const chunk of entry.method === stored ? slicesOf(file, range) : unpacked()) {
    measure.add(chunk)
    await take(chunk)
  }
  measure.end()

  async function* unpacked(): AsyncGenerator<Buffer> {
    try {
      checkAllRead(yield* inflate(file, range), entry)
    } catch (error) {
      throw asBadEntry(error, entry)
    }
  }
}

/** A limit on what is unpacked, as well as a check of it. */
function createMeasure(entry: Entry) {
  let sizeBytes = 0
  let crc = 0
  return {
    add: (chunk: Buffer) => {
      sizeBytes += chunk.length
      if (sizeBytes > entry.sizeBytes) throw badEntry(entry.number, 'is larger than it says')
      crc = crc32(chunk, crc)
    },
    end: () => {
      if (sizeBytes < entry.sizeBytes) throw badEntry(entry.number, 'is smaller than it says')
      if (crc !== entry.crc32) throw badEntry(entry.number, 'does not have its CRC-32')
    },
  }
}

function inflateSmall(packed: Buffer, entry: Entry): Buffer {
  const maxOutputLength = Math.max(entry.sizeBytes, 1) // zlib takes no zero
  // A byte more than needed, or zlib goes round once more to see that nothing is left.
  const chunkSize = Math.max(entry.sizeBytes + 1, chunkBytesMin)
  try {
    const answer: unknown = inflateRawSync(packed, { maxOutputLength, chunkSize, info: true })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `info` does isn't in the types
    const { buffer, engine } = answer as Inflated
    checkAllRead(engine.bytesWritten, entry)
    return buffer
  } catch (error) {
    throw asBadEntry(error, entry)
  }
}

interface Inflated {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

/** Bytes after the end of the deflated ones would be seen by nobody. */
function checkAllRead(readBytes: number, { number, packedBytes }: Entry): void {
  if (readBytes !== packedBytes) throw badEntry(number, 'has bytes after the end of its content')
}

function asBadEntry(error: unknown, { number }: Entry): unknown {
  const problem = problemOfDeflated(error)
  return problem === undefined ? error : badEntry(number, problem)
}
