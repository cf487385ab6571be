import type { PackageName } from '../composer/names.ts'
import { AppError, type AppErrorOptions } from '../errors.ts'
import { requestBody, type UpstreamClient } from './client.ts'
import { decode } from './encoding.ts'
import { type Why, wordsFor } from './causes.ts'
import { noAnswerOf } from './failures.ts'

/** The things a root file names beside metadata: see `upstreamEndpoints` in composer/packages-json.ts. */
export type Endpoint = 'search' | 'list' | 'providersApi' | 'securityAdvisories'

export interface RelayQuestion {
  readonly endpoint: Endpoint
  readonly query: URLSearchParams
  readonly packageName?: PackageName
  readonly form?: { readonly body: Buffer; readonly type: string }
}

export interface RelayAnswer {
  readonly status: number
  /** JSON. */
  readonly body: Buffer
}

const answerSizeBytesMax = 32 * 1024 * 1024
/**
 * Answers to the question. What upstream thinks of us (401, 403, 429 …) isn't our clients' business:
 * Composer would ask the person at the terminal for a password, or give up for good.
 */
const statusesPassedOn = new Set([200, 400, 404, 410, 422])

/**
 * Passes a question on to `template`, the URL that upstream's root file gives for it, and its answer
 * back. Only the status and the body come through: no header of ours or theirs does.
 *
 * @throws AppError `upstream_unavailable` when there is no answer of use.
 */
export async function relayQuestion(
  client: UpstreamClient,
  template: string,
  question: RelayQuestion,
): Promise<RelayAnswer> {
  const url = urlOf(template, question)
  try {
    const { status, headers, body, why } = await requestBody(client, url, {
      ...(question.form === undefined ? {} : { method: 'POST', body: question.form.body }),
      headers: headersOf(question),
      sizeBytesMax: answerSizeBytesMax,
    })
    const decoded = body && (await decode(body, headers['content-encoding'], answerSizeBytesMax))
    if (decoded === undefined || !statusesPassedOn.has(status)) {
      throw unavailable(question, why, { cause: `status ${status}` })
    }
    return { status, body: decoded }
  } catch (error) {
    if (error instanceof AppError) throw error
    const noAnswer = noAnswerOf(error, url)
    const { why } = noAnswer
    if (noAnswer.outcome === 'failed') throw unavailable(question, why, { cause: error })
    const { retryAfterSeconds } = noAnswer
    throw unavailable(question, why, { cause: error, retryAfterSeconds })
  }
}

function unavailable(
  { endpoint }: RelayQuestion,
  why: Why | undefined,
  options: AppErrorOptions,
): AppError {
  const told = why === undefined ? '' : `: ${wordsFor(why)}`
  const message = `upstream gave no answer to ${endpoint}${told}`
  return new AppError('upstream_unavailable', message, options)
}

/** A root file's templates carry the query's names already; what the client filled in replaces them. */
function urlOf(template: string, { query, packageName }: RelayQuestion): string {
  const url = new URL(template.replaceAll('%package%', packageName ?? ''))
  url.search = query.toString()
  return url.href
}

function headersOf({ form }: RelayQuestion): Readonly<Record<string, string>> {
  return {
    'accept-encoding': 'gzip',
    ...(form === undefined ? {} : { 'content-type': form.type }),
  }
}
