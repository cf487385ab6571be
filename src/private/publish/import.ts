import { pipeline } from 'node:stream/promises'
import { extract, type Header } from 'tar-stream'
import { isTarFault } from '../../archives/tar/fault.ts'
import { PackageName, vendorOf } from '../../composer/names.ts'
import { AppError, type ErrorCode } from '../../errors.ts'
import type { Instant } from '../../time-machine/instant.ts'
import { datesBytesMax, mayNotDate, type PublishedTimes, readPublishedTimes } from './dates.ts'
import { invalid, readComposerJson } from './inspect.ts'
import type { PublishedVersion, PublishOutcome, PublishRequest, PublishStaged } from './publish.ts'
import { type Staged, type StageOptions, type Upload, withStaged } from './stage.ts'

export interface ImportRequest extends Omit<
  PublishRequest,
  'packageName' | 'version' | 'publishedTime'
> {
  /** Whether who asks may say since when packages of a vendor are published. */
  readonly mayDate: (vendor: string) => boolean
}

/** What became of one entry of the tar. */
export type ImportedEntry =
  | { readonly entry: string; readonly published: PublishedVersion }
  | { readonly entry: string; readonly code: ErrorCode; readonly problem: string }

export type ImportSums = Readonly<Record<PublishOutcome | 'refused' | 'ignored', number>>

export interface ImportEnd {
  readonly sums: ImportSums
  /** Why that isn't all; undefined: it is. */
  readonly problem: string | undefined
}

/**
 * Publishes the zips in a tar one after the other, and tells of each when it is done. One that can't be
 * published stops none of the others. Sent again, whatever came of it, it goes on where it was: what is
 * published is unchanged.
 *
 * Name and version are in the composer.json of each; the version may be in the path of the entry, as
 * `vendor/name/version.zip`. When another registry published them may be in `dates.json`, before all zips.
 */
export type Import = (
  request: ImportRequest,
  tar: Upload,
) => AsyncGenerator<ImportedEntry, ImportEnd, undefined>

export interface ImportOptions extends StageOptions {
  readonly publishStaged: PublishStaged
  readonly now: () => Instant
}

const entriesMax = 10_000
const entryNameMax = 300

export function createImport(options: ImportOptions): Import {
  return async function* run(request, tar) {
    const sums = { published: 0, unchanged: 0, moved: 0, refused: 0, ignored: 0 }
    const entries = extract()
    // What it fails with, whoever reads the entries gets too.
    const arriving = pipeline(tar.bytes, entries)
    arriving.catch(() => undefined)
    let count = 0
    let times: PublishedTimes = noTimes
    try {
      for await (const entry of entries) {
        count += 1
        if (count > entriesMax) return { sums, problem: `a tar may have ${entriesMax} entries` }
        const { name, size } = entry.header
        const kind = kindOf(entry.header)
        const pieces = piecesOf(entry)
        if (kind === 'dates') times = await timesIn(pieces, sums, options)
        if (kind === 'zip') {
          const upload = { bytes: pieces.bytes, sizeBytes: size }
          const imported = await importEntry({ name, upload, times }, request, options)
          sums['published' in imported ? imported.published.outcome : 'refused'] += 1
          yield imported
        }
        if (kind === 'other') sums.ignored += 1
        await pieces.drain()
      }
      return { sums, problem: undefined }
    } catch (error) {
      return { sums, problem: problemOfTar(error) }
    } finally {
      entries.destroy()
    }
  }
}

const noTimes: PublishedTimes = () => undefined

function kindOf({ name, type }: Header): 'directory' | 'dates' | 'zip' | 'other' {
  if (type !== 'file') return type === 'directory' ? 'directory' : 'other'
  if (name.endsWith('.zip')) return 'zip'
  return /^(?:\.\/)?dates\.json$/.test(name) ? 'dates' : 'other'
}

/** @throws AppError `invalid_request`. */
async function timesIn(
  { whole }: ReturnType<typeof piecesOf>,
  sums: ImportSums,
  { now }: Pick<ImportOptions, 'now'>,
): Promise<PublishedTimes> {
  if (Object.values(sums).some((count) => count > 0)) {
    throw new AppError('invalid_request', 'dates.json must be the first file in the tar')
  }
  return readPublishedTimes(await whole(datesBytesMax), now())
}

/** @throws what is about neither the tar nor its sender. */
function problemOfTar(error: unknown): string {
  if (error instanceof AppError) return error.message
  if (isTarFault(error)) {
    return 'it is no tar, or is cut off: send what `tar -c` writes, not compressed'
  }
  throw error
}

/**
 * The content of an entry. Unlike the entry itself it can be left in the middle, which would end the
 * whole tar: what is left has to be drained then.
 */
function piecesOf(entry: AsyncIterable<unknown>): {
  readonly bytes: AsyncIterable<Buffer>
  /** @throws AppError `invalid_request` when it has more than `bytesMax`. */
  readonly whole: (bytesMax: number) => Promise<Buffer>
  readonly drain: () => Promise<void>
} {
  const pieces = entry[Symbol.asyncIterator]()
  async function* bytes(): AsyncGenerator<Buffer> {
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
      if (!Buffer.isBuffer(next.value)) throw new TypeError('a tar is read as bytes')
      yield next.value
    }
  }
  return {
    bytes: bytes(),
    async whole(bytesMax) {
      const parts: Buffer[] = []
      let sizeBytes = 0
      for await (const part of bytes()) {
        sizeBytes += part.length
        if (sizeBytes > bytesMax) {
          throw new AppError('invalid_request', `dates.json may have ${bytesMax} bytes`)
        }
        parts.push(part)
      }
      return Buffer.concat(parts)
    },
    async drain() {
      while ((await pieces.next()).done !== true);
    },
  }
}

interface ToImport {
  readonly name: string
  readonly upload: Upload
  readonly times: PublishedTimes
}

async function importEntry(
  { name, upload, times }: ToImport,
  request: ImportRequest,
  options: ImportOptions,
): Promise<ImportedEntry> {
  const entry = name.slice(0, entryNameMax)
  try {
    const published = await withStaged(upload, options, async (staged) => {
      const named = await nameOf(staged, name)
      const vendor = vendorOf(named.packageName)
      if (!request.mayPublish(vendor)) {
        throw new AppError('forbidden', `this token may not publish packages of ${vendor}`)
      }
      const publishedTime = times(named.packageName, named.version)
      if (publishedTime !== undefined && !request.mayDate(vendor)) throw mayNotDate(vendor)
      return await options.publishStaged({ ...request, ...named, publishedTime }, staged)
    })
    return { entry, published }
  } catch (error) {
    // The tar itself broke off, which is not about this entry.
    if (!(error instanceof AppError) || error.code === 'upload_broke_off') throw error
    return { entry, code: error.code, problem: error.message }
  }
}

async function nameOf(
  staged: Staged,
  entry: string,
): Promise<Pick<PublishRequest, 'packageName' | 'version'>> {
  const { name, version: own } = await readComposerJson(staged)
  const packageName = PackageName.safeParse(name).data
  if (packageName === undefined) {
    throw invalid('its composer.json must have a name such as acme/log, in lower case')
  }
  const version = typeof own === 'string' ? own : versionInPath(entry, packageName)
  if (version !== undefined) return { packageName, version }
  throw invalid(`call the entry ${packageName}/1.2.0.zip, or give its composer.json a version`)
}

/** `1.2.0` of `acme/log/1.2.0.zip`, whatever it is in; a slash in it is written `%2F`. */
function versionInPath(entry: string, packageName: PackageName): string | undefined {
  const parts = entry.slice(0, -'.zip'.length).split('/')
  const [vendor, name, version] = parts.slice(-3)
  if (version === undefined || `${vendor}/${name}` !== packageName) return undefined
  return version.replaceAll(/%2f/gi, '/')
}
