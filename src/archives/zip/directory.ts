import type { End } from './end-record.ts'
import { centralSignature, encryptedFlags, headerAt, patchFlag, withExtra } from './headers.ts'
import { checkUnpacked, linkBytesMax } from '../entries/limits.ts'
import { executableBit, isSpecial, specialMode } from '../entries/mode.ts'
import { type NamedPath, pathOfName } from '../entries/paths.ts'
import { BadArchive, badEntry } from '../entries/problem.ts'
import type { Entry as TreeEntry, Kind } from '../entries/tree.ts'
import { isReadable } from './readings.ts'
import type { Pause } from '../../event-loop.ts'
import type { Window } from '../entries/window.ts'

/** An entry, as the central directory has it. */
export interface Entry extends TreeEntry {
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
/** Host systems whose entries have a Unix mode: Unix and macOS. */
const unixHosts = new Set([3, 19])
const fileType = 0o10
const linkType = 0o12
const fatHost = 0

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
    throw new BadArchive('its directory has other entries than its end says')
  }
  checkUnpacked(unpackedBytes, file.sizeBytes)
  return entries
}

async function readEntry(
  file: Window,
  position: number,
  number: number,
): Promise<{ readonly entry: Entry; readonly next: number }> {
  const fixed = await file.bytes(position, headerBytes)
  if (fixed.readUInt32LE(0) !== centralSignature) {
    throw new BadArchive(`its directory has something else where entry ${number} should be`)
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
  const kind = kindIn(bytes, text, number)
  const { path, problem } = pathIn(bytes, text)
  if (path === undefined) throw badEntry(number, problem)
  const { flags, method, crc32 } = header
  // All at once: made with `...`, each of 100,000 entries has a shape of its own, 400 bytes more.
  const entry = { number, path, kind, flags, method, crc32, packedBytes, sizeBytes, offset }
  if (!isReadable(text, flags)) throw badEntry(number, 'has a name that is not the UTF-8 it says')
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

/** unzip takes backslashes of FAT for slashes where there is no slash, and PHP doesn't. */
function pathIn(header: Buffer, name: string): NamedPath {
  const isRewritten = header.readUInt8(5) === fatHost && name.includes('\\') && !name.includes('/')
  return isRewritten ? { problem: 'has a name that is read in two ways' } : pathOfName(name)
}

function kindIn(header: Buffer, name: string, entryNumber: number): Kind {
  const mode = modeOf(header)
  const kind = kindOf(mode, name)
  if (kind === undefined) throw badEntry(entryNumber, 'is neither a file, a directory nor a link')
  if (kind !== 'directory' && isSpecial(mode)) throw badEntry(entryNumber, specialMode)
  return kind
}

/** Some writers give a mode and a host that has none; unzip believes a mode that has a type. */
function modeOf(header: Buffer): number {
  const mode = header.readUInt16LE(40)
  const hasMode = mode >>> 12 !== 0 || unixHosts.has(header.readUInt8(5))
  return hasMode ? mode : 0
}

/** undefined for devices and the like, and when name and mode contradict each other. */
function kindOf(mode: number, name: string): Kind | undefined {
  const type = mode >>> 12
  const isNamedDirectory = name.endsWith('/')
  if (type === linkType) return isNamedDirectory ? undefined : 'link'
  if (isNamedDirectory) return 'directory' // old Maven gives it a type that doesn't exist
  if (type !== 0 && type !== fileType) return undefined
  return (mode & executableBit) !== 0 ? 'executable' : 'file'
}
