import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { AppError } from '../errors.ts'
import type { ArchiveDownload } from '../upstream/archives.ts'
import type { Arriving, KnownReference } from './archive.ts'
import type { Brought } from './bring.ts'
import { problemOfBeginning } from './dist-types.ts'
import { failureOf, type FetchOptions } from './fetch.ts'
import { heldBackBytes } from './spool.ts'

const bufferBytes = 1024 * 1024
/** Who asked begins to read at once; a client that doesn't may not hold up a connection to upstream. */
const beginWithinMs = 10_000

/**
 * An archive straight from upstream, for one client, when the disk has no room. Its length and its
 * SHA-1, where metadata has one, are checked; the other checks need the whole file.
 *
 * @throws AppError when upstream has nothing to pass on; see OpenArchive.
 */
export async function passOn(
  known: KnownReference,
  options: Pick<FetchOptions, 'download' | 'uncheckedTypes' | 'logger'>,
): Promise<Arriving> {
  const pipe = new PassThrough({ highWaterMark: bufferBytes })
  const left = new AbortController()
  // Whoever reads it hears of it.
  pipe.on('error', () => undefined).once('close', () => left.abort())
  let sizeBytes: number | undefined
  let passedBytes = 0
  let isAgain = false
  const brought = options.download({
    url: known.dist_url,
    known: {},
    into: {
      async begin(announcedBytes) {
        // What was passed on can't be taken back.
        isAgain = passedBytes > 0
        sizeBytes = announcedBytes
      },
      async write(chunk) {
        if (isAgain) return false
        // A login page is told before anybody gets it.
        const problem =
          passedBytes === 0
            ? problemOfBeginning(known.dist_type, chunk, options.uncheckedTypes)
            : undefined
        if (problem !== undefined) {
          throw new AppError('archive_invalid', `upstream's archive was refused: ${problem}`)
        }
        passedBytes += chunk.length
        if (!pipe.write(chunk)) await once(pipe, 'drain', { signal: left.signal })
        return true
      },
      end: () => true,
    },
  })
  const ended = endPipe()
  async function endPipe(): Promise<void> {
    try {
      const failure = whatIsWrong(await brought, known)
      if (failure === undefined) pipe.end()
      else pipe.destroy(failureOf(failure, known, options))
    } catch (error) {
      pipe.destroy(error instanceof Error ? error : undefined)
    }
  }
  await Promise.race([once(pipe, 'readable'), ended])
  if (pipe.errored !== null) throw pipe.errored
  const unread = setTimeout(() => pipe.destroy(), beginWithinMs).unref()
  return {
    sizeBytes,
    async *bytes() {
      clearTimeout(unread)
      yield* withEndHeldBack(pipe)
    },
  }
}

function whatIsWrong(
  result: ArchiveDownload,
  { shasum }: KnownReference,
): Exclude<Brought, { readonly outcome: 'good' }> | undefined {
  if (result.outcome !== 'downloaded') return result
  if (shasum === null || shasum === result.sha1) return undefined
  return { outcome: 'refused', problem: `its SHA-1 is ${result.sha1}, metadata says ${shasum}` }
}

async function* withEndHeldBack(pipe: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const held: Buffer[] = []
  let laterBytes = 0
  for await (const chunk of pipe) {
    held.push(chunk)
    laterBytes += chunk.length
    for (let [first] = held; first !== undefined; [first] = held) {
      if (laterBytes - first.length < heldBackBytes) break
      laterBytes -= first.length
      held.shift()
      yield first
    }
  }
  yield* held
}
