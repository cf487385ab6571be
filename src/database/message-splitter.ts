/** Types of the messages that matter here, of PostgreSQL's protocol 3. */
const dataRow = 0x44 // D
const readyForQuery = 0x5a // Z
const parseComplete = 0x31 // 1
/** 2 and C: that a query was bound, and ended. Nobody has a use for them, and each cost pg 3 µs. */
const needless = new Set(Buffer.from('2C'))

/** Whatever a server may send while a query runs; anything else means that we lost our place. */
const expectedTypes = new Set(Buffer.from('123CDEINSTZAnst'))

/** A message's type and length; of a row also the number of columns and the first one's length. */
const headerBytes = 5
const rowHeaderBytes = 11
const nullLength = -1

export interface SplitterTarget {
  /** Bytes of the first column of a row: a view of what the socket gave, never empty. */
  readonly bytes: (piece: Buffer) => void
  /** A part of any other message that matters, as it came. */
  readonly other: (piece: Buffer) => void
  /** The statement is prepared; the message itself goes to `other`. */
  readonly prepared: () => void
  /** The query is over. `rest` begins with the message that says so; what comes next is of another query. */
  readonly ready: (rest: Buffer) => void
  /** What came can't be what a server sends: nothing of this connection can be trusted any more. */
  readonly lost: (error: Error) => void
}

/** What comes next: a header, or so many bytes of one kind, and after those of others. */
interface Part {
  readonly kind: 'header' | 'bytes' | 'skipped' | 'other'
  readonly left: number
  readonly after: number
}

export interface MessageSplitter {
  /** To be called with each chunk. */
  readonly take: (chunk: Buffer) => void
  /** So many bytes of a row's first column come next. */
  readonly columnBytes: () => number
}

/**
 * Splits what a server sends into the bytes of rows and all other messages, however the socket cuts
 * it. Rows are not copied: a header is, 11 bytes.
 */
export function createMessageSplitter(target: SplitterTarget): MessageSplitter {
  const header = Buffer.alloc(rowHeaderBytes)
  let filled = 0
  let part: Part | undefined = begin('header', 0)

  function takeHeader(chunk: Buffer): number {
    const wanted = filled >= headerBytes && header[0] === dataRow ? rowHeaderBytes : headerBytes
    const taken = chunk.copy(header, filled, 0, wanted - filled)
    filled += taken
    if (filled < wanted || (header[0] === dataRow && filled < rowHeaderBytes)) return taken
    part = partOf(header)
    filled = 0
    if (part !== undefined) passHeader(header[0])
    else if (header[0] === readyForQuery) return endWith(chunk, taken)
    else target.lost(new Error('the server sent what is no message'))
    return taken
  }

  function passHeader(type: number | undefined): void {
    if (type === parseComplete) target.prepared()
    if (type !== undefined && type !== dataRow && !needless.has(type))
      target.other(Buffer.from(header.subarray(0, headerBytes)))
  }

  function endWith(chunk: Buffer, taken: number): number {
    part = begin('header', 0)
    target.ready(Buffer.concat([header.subarray(0, headerBytes), chunk.subarray(taken)]))
    return chunk.length
  }

  function takeBody(chunk: Buffer, { kind, left, after }: Part): number {
    const piece = chunk.subarray(0, left)
    if (kind === 'bytes') target.bytes(piece)
    else if (kind === 'other') target.other(piece)
    const rest = left - piece.length
    part = rest > 0 ? { kind, left: rest, after } : begin('skipped', after)
    return piece.length
  }

  return {
    take(chunk) {
      let rest = chunk
      while (rest.length > 0 && part !== undefined) {
        rest = rest.subarray(part.kind === 'header' ? takeHeader(rest) : takeBody(rest, part))
      }
    },
    columnBytes: () => (part?.kind === 'bytes' ? part.left : 0),
  }
}

/** What follows a header that is complete; undefined for the end of the query, and for nonsense. */
function partOf(header: Buffer): Part | undefined {
  const type = header[0] ?? 0
  const bodyBytes = header.readInt32BE(1) - 4
  if (type === readyForQuery || !expectedTypes.has(type) || bodyBytes < 0) return undefined
  if (type === dataRow) return partOfRow(header, bodyBytes)
  return begin(needless.has(type) ? 'skipped' : 'other', bodyBytes)
}

function partOfRow(header: Buffer, bodyBytes: number): Part | undefined {
  const columns = header.readUInt16BE(headerBytes)
  const columnBytes = header.readInt32BE(headerBytes + 2)
  const size = Math.max(columnBytes, 0)
  const after = bodyBytes - (rowHeaderBytes - headerBytes) - size
  if (columns === 0 || columnBytes < nullLength || after < 0) return undefined
  return size === 0 ? begin('skipped', after) : { kind: 'bytes', left: size, after }
}

function begin(kind: Part['kind'], left: number): Part {
  return { kind: left === 0 ? 'header' : kind, left, after: 0 }
}
