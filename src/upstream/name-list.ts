import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { type NameDigests, type NameListProblem, saltBytes } from '../composer/name-list.ts'
import { PackageName } from '../composer/names.ts'
import { runOnce } from '../worker/run-once.ts'
import { requestBody, type UpstreamClient } from './client.ts'
import { noAnswerOf } from './failures.ts'

export interface NameList extends NameDigests {
  /** Of the names that upstream has for sure, those that aren't in it; some of them when there are many. */
  readonly lacking: readonly PackageName[]
}

export type DigestedList = NameList | { readonly problem: NameListProblem }

/** Five times Packagist's, which has 11 MB. */
export const listBytesMax = 64 * 1024 * 1024
/** One is enough to doubt the list. */
export const lackingMax = 100
/** Reading Packagist's list takes a second and 200 MB. */
const limits = { heapMegabytesMax: 768, runMsMax: 60_000 } as const

const Digested = z.union([
  z.object({ problem: z.enum(['unreadable', 'too_many']) }),
  z.object({
    salt: z.instanceof(Uint8Array).transform((bytes) => Buffer.from(bytes)),
    hashes: z.instanceof(Uint32Array),
    lacking: z.array(PackageName),
  }),
])

/**
 * Upstream's list of all its names, read and hashed in a thread of its own: it takes a second of CPU. Doesn't throw
 * for what upstream does.
 *
 * @param known names that upstream has for sure.
 */
export async function fetchNameList(
  client: UpstreamClient,
  url: string,
  known: readonly PackageName[],
): Promise<DigestedList> {
  const headers = { 'accept-encoding': 'gzip' }
  try {
    const answer = await requestBody(client, url, { headers, sizeBytesMax: listBytesMax })
    const { status, body } = answer
    if (status === 404 || status === 410) return { problem: 'not_offered' }
    if (status !== 200 || body === undefined) return { problem: 'no_answer' }
    return await digested(body, answer.headers['content-encoding'], known)
  } catch (error) {
    noAnswerOf(error)
    return { problem: 'no_answer' }
  }
}

async function digested(
  body: Buffer,
  encoding: string | undefined,
  known: readonly PackageName[],
): Promise<DigestedList> {
  const salt = randomBytes(saltBytes)
  const module = new URL('./name-list-worker.ts', import.meta.url).href
  try {
    return Digested.parse(await runOnce(module, { body, encoding, salt, known }, limits))
  } catch {
    // Whatever the thread ended of was in the list.
    return { problem: 'unreadable' }
  }
}
