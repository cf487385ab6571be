import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import path from 'node:path'
import { isNoRoom, stagedFileMode } from '../../archives/staging.ts'
import { AppError } from '../../errors.ts'
import { Sha256 } from '../../events/types.ts'

/** What somebody sends, as it comes. */
export interface Upload {
  readonly bytes: AsyncIterable<Buffer>
  /** As it is announced, if it is. */
  readonly sizeBytes: number | undefined
}

/** An upload in a file, all of it. */
export interface Staged {
  readonly path: string
  readonly sizeBytes: number
  readonly sha256: Sha256
  /** Lower-case hex. */
  readonly sha1: string
}

export interface StageOptions {
  /** See archives/staging.ts. */
  readonly stagingDirectory: string
  /** Whether the disk has room for a file of so many bytes. */
  readonly hasRoomOnDisk: (sizeBytes: number) => Promise<boolean>
}

/** The largest that is taken from upstream, too. */
const zipBytesMax = 500 * 1024 * 1024
/** Whoever doesn't announce a size has the disk looked at after so many more. */
const lookAfterBytes = 32 * 1024 * 1024

/**
 * Receives an upload into a file, which is there until `use` is done. A crash leaves the file, and a
 * later start removes it.
 *
 * @throws AppError `too_large`, `no_room`, and what the upload throws.
 */
export async function withStaged<Result>(
  upload: Upload,
  options: StageOptions,
  use: (staged: Staged) => Promise<Result>,
): Promise<Result> {
  const file = path.join(options.stagingDirectory, randomUUID())
  try {
    return await use({ path: file, ...(await receive(upload, file, options)) })
  } finally {
    await rm(file, { force: true })
  }
}

async function receive(
  { bytes, sizeBytes: announcedBytes = 0 }: Upload,
  target: string,
  { hasRoomOnDisk }: StageOptions,
): Promise<Omit<Staged, 'path'>> {
  if (announcedBytes > zipBytesMax) throw tooLarge()
  if (!(await hasRoomOnDisk(announcedBytes))) throw noRoom()
  const [sha256, sha1] = [createHash('sha256'), createHash('sha1')]
  const file = await open(target, 'wx', stagedFileMode)
  const look = looking(announcedBytes, hasRoomOnDisk)
  let sizeBytes = 0
  try {
    for await (const chunk of bytes) {
      sizeBytes += chunk.length
      if (sizeBytes > zipBytesMax) throw tooLarge()
      await look(sizeBytes)
      sha256.update(chunk)
      sha1.update(chunk)
      await write(file, chunk)
    }
  } catch (error) {
    throw isNoRoom(error) ? noRoom(error) : error
  } finally {
    await file.close()
  }
  return { sizeBytes, sha256: Sha256.parse(sha256.digest('hex')), sha1: sha1.digest('hex') }
}

/** Looks at the disk again while more comes than it was looked at for. @throws AppError `no_room`. */
function looking(
  announcedBytes: number,
  hasRoomOnDisk: StageOptions['hasRoomOnDisk'],
): (sizeBytes: number) => Promise<void> {
  let enoughForBytes = announcedBytes
  return async (sizeBytes) => {
    if (sizeBytes <= enoughForBytes) return
    enoughForBytes = sizeBytes + lookAfterBytes
    if (!(await hasRoomOnDisk(lookAfterBytes))) throw noRoom()
  }
}

async function write(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let offset = 0; offset < chunk.length;) {
    offset += (await file.write(chunk, offset)).bytesWritten
  }
}

function tooLarge(): AppError {
  return new AppError('too_large', `a zip may have ${zipBytesMax} bytes; leave out what isn't code`)
}

export function noRoom(cause?: unknown): AppError {
  const message = 'there is no room to keep this here: free space on the disk and publish it again'
  return new AppError('no_room', message, { cause })
}
