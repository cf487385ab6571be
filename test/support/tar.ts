import { rawTar } from './tars/raw.ts'
import type { ZipEntry } from './zip.ts'

/** Writes a small tar archive (ustar), the same bytes for the same input. */
export function tar(entries: readonly Pick<ZipEntry, 'path' | 'content'>[]): Buffer {
  return rawTar(entries.map(({ path, content = '' }) => ({ name: path, content })))
}
