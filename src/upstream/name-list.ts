import type { NameListProblem } from '../composer/name-list.ts'
import { requestBody, type UpstreamClient } from './client.ts'
import { decode } from './encoding.ts'
import { noAnswerOf } from './failures.ts'

/** Five times Packagist's, which has 11 MB. */
const listBytesMax = 64 * 1024 * 1024

/** Asks upstream for the list of all its names: JSON, decoded. Doesn't throw for what upstream does. */
export async function fetchNameList(
  client: UpstreamClient,
  url: string,
): Promise<{ readonly json: Buffer } | { readonly problem: NameListProblem }> {
  const headers = { 'accept-encoding': 'gzip' }
  try {
    const answer = await requestBody(client, url, { headers, sizeBytesMax: listBytesMax })
    const { status, body } = answer
    if (status === 404 || status === 410) return { problem: 'not_offered' }
    if (status !== 200 || body === undefined) return { problem: 'no_answer' }
    const json = await decode(body, answer.headers['content-encoding'], listBytesMax)
    return json === undefined ? { problem: 'unreadable' } : { json }
  } catch (error) {
    const noAnswer = noAnswerOf(error, url)
    const isTooLarge = noAnswer.outcome === 'failed' && noAnswer.reason === 'too_large'
    return { problem: isTooLarge ? 'unreadable' : 'no_answer' }
  }
}
