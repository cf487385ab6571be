import { createHash, hash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { crc32, createInflateRaw, inflateRawSync } from 'node:zlib'
import { stored, type Entry } from './directory.ts'
import { badEntry } from '../entries/problem.ts'
import type { Pause } from '../../event-loop.ts'
import type { Window } from './window.ts'

/**
 * Up to this size, packed and unpacked, an entry is unpacked in one go on the event loop: that is a
 * third of a millisecond at most, and several times faster than a stream for each of many small files.
 */
const smallBytes = 64 * 1024

const chunkBytes = 64 * 1024
/** zlib takes no smaller one. */
const chunkBytesMin = 64

const tooLarge = 'is larger than it says'
/** What zlib says of bytes; all else that it says is about this process. */
const problems = new Map<unknown, string>([
  ['Z_DATA_ERROR', "can't be unpacked"],
  ['Z_BUF_ERROR', 'has a content that is cut off'],
  ['Z_NEED_DICT', "can't be unpacked"],
  ['ERR_BUFFER_TOO_LARGE', tooLarge],
])

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
    chunks.push(Buffer.from(chunk))
    await pause()
  })
  return Buffer.concat(chunks)
}

/** @param take gets each chunk as long as it is valid, until it resolves. */
async function unpackLarge(
  file: Window,
  content: Content,
  take: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  const measure = createMeasure(content.entry)
  const add = async (chunk: Buffer): Promise<void> => {
    measure.add(chunk)
    await take(chunk)
  }
  if (content.entry.method === stored) {
    for await (const slice of slicesOf(file, content)) await add(slice)
  } else {
    await inflateLarge(file, content, add)
  }
  measure.end()
}

/** A limit on what is unpacked, as well as a check of it. */
function createMeasure(entry: Entry) {
  let sizeBytes = 0
  let crc = 0
  return {
    add: (chunk: Buffer) => {
      sizeBytes += chunk.length
      if (sizeBytes > entry.sizeBytes) throw badEntry(entry.number, tooLarge)
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

/** The threads of zlib do the work, a chunk at a time. */
async function inflateLarge(
  file: Window,
  content: Content,
  add: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  const { entry } = content
  const inflate = createInflateRaw({ chunkSize: chunkBytes })
  async function* packed(): AsyncGenerator<Buffer> {
    // Copied, since a thread may still read one while the next is fetched.
    for await (const slice of slicesOf(file, content)) yield Buffer.from(slice)
  }
  try {
    await pipeline(packed, inflate, async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) await add(chunk)
      checkAllRead(inflate.bytesWritten, entry)
    })
  } catch (error) {
    throw asBadEntry(error, entry)
  }
}

async function* slicesOf(file: Window, { entry, offset }: Content): AsyncGenerator<Buffer> {
  for (let at = 0; at < entry.packedBytes; at += chunkBytes) {
    yield await file.bytes(offset + at, Math.min(chunkBytes, entry.packedBytes - at))
  }
}

/** Bytes after the end of the deflated ones would be seen by nobody. */
function checkAllRead(readBytes: number, { number, packedBytes }: Entry): void {
  if (readBytes !== packedBytes) throw badEntry(number, 'has bytes after the end of its content')
}

function asBadEntry(error: unknown, { number }: Entry): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const problem = problems.get(code)
  return problem === undefined ? error : badEntry(number, problem)
}
