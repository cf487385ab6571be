import { BadArchive } from '../entries/problem.ts'

/** Bytes that arrive in pieces of any size, taken by number. */
export interface ByteSource {
  /** @throws BadArchive when there are fewer. */
  readonly exactly: (length: number) => Promise<Buffer>
  /** So many bytes as they arrive. @throws BadArchive likewise. */
  readonly pieces: (length: number) => AsyncGenerator<Buffer>
  /** All that is left. */
  readonly rest: () => AsyncGenerator<Buffer>
}

export function createByteSource(chunks: AsyncIterator<Buffer>): ByteSource {
  let held: Buffer = Buffer.alloc(0)

  /** Up to so many bytes; none at the end. */
  async function take(lengthMax: number): Promise<Buffer> {
    while (held.length === 0) {
      const next = await chunks.next()
      if (next.done === true) return held
      held = next.value
    }
    const taken = held.subarray(0, lengthMax)
    held = held.subarray(taken.length)
    return taken
  }

  async function* pieces(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      const piece = await take(left)
      if (piece.length === 0) throw new BadArchive('it is cut off')
      left -= piece.length
      yield piece
    }
  }

  return {
    pieces,
    async exactly(length) {
      const parts: Buffer[] = []
      for await (const piece of pieces(length)) parts.push(piece)
      const [first] = parts
      return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts)
    },
    async *rest() {
      for (let piece = await take(Infinity); piece.length > 0; piece = await take(Infinity)) {
        yield piece
      }
    },
  }
}
