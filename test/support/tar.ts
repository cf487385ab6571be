import type { ZipEntry } from './zip.ts'

const blockBytes = 512

/** Writes a small tar archive (ustar), the same bytes for the same input. */
export function tar(entries: readonly Pick<ZipEntry, 'path' | 'content'>[]): Buffer {
  const files = entries.flatMap(({ path, content = '' }) => {
    const body = Buffer.from(content)
    return [headerOf(path, body.length), body, Buffer.alloc(-body.length & (blockBytes - 1))]
  })
  return Buffer.concat([...files, Buffer.alloc(2 * blockBytes)])
}

function headerOf(path: string, sizeBytes: number): Buffer {
  const header = Buffer.alloc(blockBytes)
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0')
  const fields = [
    [0, path],
    [100, `${octal(0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`], // mode and owners
    [124, `${octal(sizeBytes, 11)}\0${octal(0, 11)}\0`],
    [148, ' '.repeat(8)], // the checksum, which counts as blanks
    [156, '0'],
    [257, 'ustar\x0000'],
  ] as const
  for (const [at, text] of fields) header.write(text, at, 'latin1')
  const checksum = header.reduce((sum, byte) => sum + byte, 0)
  header.write(`${octal(checksum, 6)}\0 `, 148, 'latin1')
  return header
}
