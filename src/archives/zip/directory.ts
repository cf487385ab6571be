import type { End } from './end-record.ts'
import { centralSignature, encryptedFlags, headerAt, patchFlag, withExtra } from './headers.ts'
import { entryPath, type EntryPath } from './paths.ts'
import { BadZip, badEntry } from './problem.ts'
import type { Pause } from './turns.ts'
import type { Window } from './window.ts'

export type Kind = 'file' | 'executable' | 'link' | 'directory'

/** An entry, as the central directory has it. */
export interface Entry {
  /** From 1, in the order of the directory. */
  readonly number: number
  readonly path: EntryPath
  readonly kind: Kind
  readonly flags: number
  readonly method: number
  readonly crc32: number
  readonly packedBytes: number
  readonly sizeBytes: number
  /** Of the local header. */
  readonly offset: number
}

export const stored = 0
const deflated = 8

const headerBytes = 46
const unpackedBytesMax = 2 * 1024 ** 3
/** A source tree packs to a fifth; what packs to a hundredth only fills disks. */
const ratioMax = 100
const unpackedBytesAlwaysFine = 64 * 1024 * 1024
const linkBytesMax = 4096

/** Host systems whose entries have a Unix mode: Unix and macOS. */
const unixHosts = new Set([3, 19])
const fileType = 0o10
const linkType = 0o12
const executableBit = 0o100

/**
 * Reads the central directory, and refuses what can be refused by what it claims: names, methods,
 * sizes. That the contents have these sizes is checked while they are unpacked.
 */
export async function readDirectory(
  file: Window,
  end: End,
  pause: Pause,
): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  let position = end.directoryOffset
  let unpackedBytes = 0
  while (position < end.directoryEnd) {
    await pause()
    const { entry, next } = await readEntry(file, position, entries.length + 1)
    unpackedBytes += entry.sizeBytes
    entries.push(entry)
    position = next
  }
  if (position !== end.directoryEnd || entries.length !== end.entryCount) {
    throw new BadZip('its directory has other entries than its end says')
  }
  if (unpackedBytes > unpackedBytesMax) throw new BadZip('it unpacks to more than 2 GiB')
  if (unpackedBytes > Math.max(unpackedBytesAlwaysFine, ratioMax * file.sizeBytes)) {
    throw new BadZip(`it unpacks to more than ${ratioMax} times its size`)
  }
  return entries
}

async function readEntry(
  file: Window,
  position: number,
  number: number,
): Promise<{ readonly entry: Entry; readonly next: number }> {
  const fixed = await file.bytes(position, headerBytes)
  if (fixed.readUInt32LE(0) !== centralSignature) {
    throw new BadZip(`its directory has something else where entry ${number} should be`)
  }
  const { nameBytes, extraBytes } = headerAt(fixed, 8)
  const commentBytes = fixed.readUInt16LE(32)
  const extraAt = headerBytes + nameBytes
  const wholeBytes = extraAt + extraBytes + commentBytes
  const bytes = await file.bytes(position, wholeBytes)
  if (bytes.readUInt16LE(34) !== 0) throw badEntry(number, 'is on another disk')
  const name = bytes.subarray(headerBytes, extraAt)
  const header = headerAt(bytes, 8)
  const [sizeBytes = 0, packedBytes = 0, offset = 0] = withExtra(
    [header.sizeBytes, header.packedBytes, bytes.readUInt32LE(42)],
    { entryNumber: number, name, bytes: bytes.subarray(extraAt, extraAt + extraBytes) },
  )
  const text = name.toString('latin1')
  const kind = kindOf(bytes, text)
  const path = entryPath(text)
  if (kind === undefined) throw badEntry(number, 'is neither a file, a directory nor a link')
  if (path === undefined) throw badEntry(number, 'has a name that leads out of the archive')
  const { flags, method, crc32 } = header
  // All at once: made with `...`, each of 100,000 entries has a shape of its own, 400 bytes more.
  const entry = { number, path, kind, flags, method, crc32, packedBytes, sizeBytes, offset }
  const refusal = refusals.find(([, applies]) => applies(entry))
  if (refusal !== undefined) throw badEntry(number, refusal[0])
  return { entry, next: position + wholeBytes }
}

/** What an entry is refused for by what it claims. */
const refusals: readonly (readonly [string, (entry: Entry) => boolean])[] = [
  ['has no name', ({ path, kind }) => path === '' && kind !== 'directory'],
  ['is encrypted', ({ flags }) => (flags & encryptedFlags) !== 0],
  ['is neither stored nor deflated', ({ method }) => method !== stored && method !== deflated],
  ['is a patch', ({ flags }) => (flags & patchFlag) !== 0],
  ['has two sizes', (entry) => entry.method === stored && entry.packedBytes !== entry.sizeBytes],
  ['is a directory with content', (entry) => entry.kind === 'directory' && entry.sizeBytes !== 0],
  [
    'is a link to too long a path',
    ({ kind, ...entry }) =>
      kind === 'link' && Math.max(entry.packedBytes, entry.sizeBytes) > linkBytesMax,
  ],
]

/** undefined for devices and the like, and when name and mode contradict each other. */
function kindOf(header: Buffer, name: string): Kind | undefined {
  const mode = header.readUInt16LE(40)
  const type = mode >>> 12
  const isNamedDirectory = name.endsWith('/')
  if (type === linkType) return isNamedDirectory ? undefined : 'link'
  if (isNamedDirectory) return 'directory' // old Maven gives it a type that doesn't exist
  if (type !== 0 && type !== fileType) return undefined
  // Some writers give a mode and a host that has none; unzip believes a mode that has a type.
  const hasMode = type !== 0 || unixHosts.has(header.readUInt8(5))
  return hasMode && (mode & executableBit) !== 0 ? 'executable' : 'file'
}
