import { EventEmitter, once } from 'node:events'
import { type FileHandle, open } from 'node:fs/promises'
import { AppError } from '../errors.ts'
import type { Sha256 } from '../events/types.ts'
import type { Blob, ByteRange } from './blobs.ts'
import { stagedFileMode } from './staging.ts'

/** A file that grows while it is read by those who can't wait for its end. */
export interface Spool {
  /** What is written next is its beginning, once more. */
  readonly rewind: () => Promise<void>
  /**
   * Returns false for bytes other than those that somebody may have read at this place.
   *
   * @throws the error of a full disk.
   */
  readonly write: (chunk: Buffer) => Promise<boolean>
  /** What was written last was the end. Returns false when somebody may have read more than that. */
  readonly end: () => boolean
  /** How many bytes may be read by now. */
  readonly readableBytes: () => number
  /** All of it as it arrives, but for what is held back, which comes only once it counts as good. */
  readonly arriving: () => AsyncIterable<Buffer>
  /** What was written is all, and it is good. */
  readonly finish: (named: { readonly sha256: Sha256; readonly sizeBytes: number }) => Blob
  /** Ends it in any case; who is still waiting for bytes gets an error. May be called after `finish`. */
  readonly close: () => void
}

/** Without its end no zip can be unpacked: it has its directory there. */
export const heldBackBytes = 16 * 1024

/** What is kept from readers until all is good. Archives but zips can be unpacked as far as they came. */
export function heldBackBytesOf(distType: string): number {
  return distType === 'zip' || distType === 'file' ? heldBackBytes : Number.POSITIVE_INFINITY
}

/** Those who waited for the same download begin to read it once it is stored, which may take its time. */
const beginWithinMs = 60_000
const sliceBytes = 256 * 1024

interface State {
  readonly file: FileHandle
  readonly progress: EventEmitter
  readonly heldBackBytes: number
  /** That are good to read, of this answer or one before. */
  writtenBytes: number
  /** Where this answer is. */
  cursor: number
  isRead: boolean
  ending: 'good' | 'broken' | undefined
  /** Those who read, and the download itself. */
  users: number
}

/**
 * Opens a new file. It may be removed meanwhile: what is written lives until the last of those who
 * read it has it.
 */
export async function openSpool(path: string, heldBack = heldBackBytes): Promise<Spool> {
  const state: State = {
    file: await open(path, 'wx+', stagedFileMode),
    progress: new EventEmitter().setMaxListeners(0),
    heldBackBytes: heldBack,
    writtenBytes: 0,
    cursor: 0,
    isRead: false,
    ending: undefined,
    users: 1,
  }
  return {
    async rewind() {
      state.cursor = 0
      if (state.isRead) return
      state.writtenBytes = 0
      await state.file.truncate()
    },
    write: async (chunk) => await write(state, chunk),
    end: () => state.cursor === state.writtenBytes,
    readableBytes: () => readableBytes(state),
    arriving: () => read(state),
    finish({ sha256, sizeBytes }) {
      end(state, 'good')
      return { sha256, sizeBytes, bytes: (range) => read(state, range) }
    },
    close() {
      if (state.ending === undefined) end(state, 'broken')
      const waitMs = state.ending === 'good' ? beginWithinMs : 0
      setTimeout(() => leave(state), waitMs).unref()
    },
  }
}

function readableBytes(state: State): number {
  const { ending, writtenBytes } = state
  return ending === 'good' ? writtenBytes : Math.max(0, writtenBytes - state.heldBackBytes)
}

function end(state: State, ending: 'good' | 'broken'): void {
  state.ending = ending
  state.progress.emit('progress')
}

function leave(state: State): void {
  state.users -= 1
  // Closing fails only for what is closed already.
  if (state.users === 0) void state.file.close().catch(() => undefined)
}

async function write(state: State, chunk: Buffer): Promise<boolean> {
  const { file, cursor } = state
  // Of an answer that was asked for again, the beginning may be there already.
  const known = chunk.subarray(0, state.writtenBytes - cursor)
  if (known.length > 0 && !(await readAt(file, cursor, known.length)).equals(known)) return false
  await writeAt(file, cursor + known.length, chunk.subarray(known.length))
  state.cursor += chunk.length
  state.writtenBytes = Math.max(state.writtenBytes, state.cursor)
  state.progress.emit('progress')
  return true
}

// Begins with the first read: answers to HEAD are never read.
async function* read(state: State, range?: ByteRange): AsyncGenerator<Buffer> {
  if (state.users === 0) throw new Error('nobody read the download in time')
  state.users += 1
  try {
    const to = range?.to ?? Number.POSITIVE_INFINITY
    let offset = range?.from ?? 0
    while (offset < to) {
      const sliceEnd = Math.min(to, readableBytes(state), offset + sliceBytes)
      if (offset < sliceEnd) {
        state.isRead = true
        const slice = await readAt(state.file, offset, sliceEnd - offset)
        offset += slice.length
        yield slice
      } else if (state.ending === 'good') return
      else if (state.ending === 'broken') throw brokeOff()
      else await once(state.progress, 'progress')
    }
  } finally {
    leave(state)
  }
}

function brokeOff(): AppError {
  return new AppError('upstream_unavailable', 'the download broke off')
}

async function writeAt(file: FileHandle, position: number, chunk: Buffer): Promise<void> {
  for (let offset = 0; offset < chunk.length;) {
    const { bytesWritten } = await file.write(
      chunk,
      offset,
      chunk.length - offset,
      position + offset,
    )
    offset += bytesWritten
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const slice = Buffer.allocUnsafe(length)
  for (let offset = 0; offset < length;) {
    const { bytesRead } = await file.read(slice, offset, length - offset, position + offset)
    if (bytesRead === 0) throw new Error('the download was cut off')
    offset += bytesRead
  }
  return slice
}
