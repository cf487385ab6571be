import { z } from 'zod'
import { digestsOf, hasName, readNames } from '../composer/name-list.ts'
import { PackageName } from '../composer/names.ts'
import { answerOnce } from '../worker/run-once.ts'
import { decode } from './encoding.ts'
import { type DigestedList, lackingMax, listBytesMax } from './name-list.ts'

const Input = z.object({
  body: z.instanceof(Uint8Array),
  encoding: z.string().optional(),
  salt: z.instanceof(Uint8Array),
  known: z.array(PackageName),
})

async function digest(input: unknown): Promise<DigestedList> {
  const { body, encoding, salt, known } = Input.parse(input)
  const json = await decode(Buffer.from(body), encoding, listBytesMax)
  if (json === undefined) return { problem: 'unreadable' }
  const read = readNames(json)
  if (!read.ok) return { problem: read.problem }
  const digests = digestsOf(read.names, Buffer.from(salt))
  return {
    ...digests,
    lacking: known.filter((name) => !hasName(digests, name)).slice(0, lackingMax),
  }
}

await answerOnce(digest)
