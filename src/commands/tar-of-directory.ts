import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pack, type Pack } from 'tar-stream'
import { Refusal } from './refusal.ts'

/** A tar on its way. */
export interface Sending {
  readonly bytes: Readable
  /** Of what is in it; near enough its own. */
  readonly sizeBytes: number
  /** Whether `sizeBytes` is exact, to the byte. */
  readonly isExact: boolean
}

interface File {
  /** In the tar: from the directory on, with slashes. */
  readonly name: string
  readonly path: string
  readonly sizeBytes: number
}

/** Says when another registry published the versions; the server wants it before all zips. */
const dates = 'dates.json'

/**
 * All zips in a directory and those below, and its dates.json.
 *
 * @throws Refusal when it has none.
 */
export async function tarOfDirectory(directory: string): Promise<Sending> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const found = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((each) => ({ path: each, name: path.relative(directory, each).split(path.sep).join('/') }))
  const zips = found.filter(({ name }) => name.endsWith('.zip'))
  if (zips.length === 0) throw new Refusal(`there is no .zip in ${directory}`)
  const files: File[] = []
  for (const each of [
    ...found.filter(({ name }) => name === dates),
    ...zips.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
  ]) {
    files.push({ ...each, sizeBytes: (await stat(each.path)).size })
  }
  const tar = pack()
  addAll(tar, files).catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)))
  })
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
  return { bytes: Readable.from(tar), sizeBytes, isExact: false }
}

async function addAll(tar: Pack, files: readonly File[]): Promise<void> {
  for (const { name, path: source, sizeBytes } of files) {
    await pipeline(createReadStream(source), tar.entry({ name, size: sizeBytes }))
  }
  tar.finalize()
}
