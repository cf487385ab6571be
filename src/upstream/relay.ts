import type { Got } from 'got'
import type { PackageName } from '../composer/names.ts'
import { AppError } from '../errors.ts'
import { failureOf, requestBody } from './client.ts'
import { decode } from './metadata.ts'

/** The things a root file names beside metadata: see `upstreamEndpoints` in composer/packages-json.ts. */
export type Endpoint = 'search' | 'list' | 'providersApi' | 'securityAdvisories' | 'filterSummary'

export interface RelayQuestion {
  readonly endpoint: Endpoint
  readonly query: URLSearchParams
  readonly packageName?: PackageName
  readonly ifModifiedSince?: string | undefined
  readonly form?: { readonly body: Buffer; readonly type: string }
}

export interface RelayAnswer {
  readonly status: number
  /** JSON. */
  readonly body: Buffer
  readonly lastModified: string | undefined
}

const answerSizeBytesMax = 32 * 1024 * 1024

/**
 * Passes a question on to `template`, the URL that upstream's root file gives for it, and its answer
 * back. Only the status, the body and its date come through: no header of ours or theirs does.
 *
 * @throws AppError `upstream_unavailable` when there is no answer of use.
 */
export async function relayQuestion(
  client: Got,
  template: string,
  question: RelayQuestion,
): Promise<RelayAnswer> {
  try {
    const { status, headers, body } = await requestBody(client, urlOf(template, question), {
      ...(question.form === undefined ? {} : { method: 'POST', body: question.form.body }),
      headers: headersOf(question),
      sizeBytesMax: answerSizeBytesMax,
    })
    const decoded = await decode(body, textOf(headers['content-encoding']) ?? 'identity')
    if (decoded !== undefined && status < 500 && status !== 429) {
      return { status, body: decoded, lastModified: textOf(headers['last-modified']) }
    }
    throw new AppError('upstream_unavailable', `upstream gave no answer to ${question.endpoint}`)
  } catch (error) {
    if (error instanceof AppError) throw error
    const reason = failureOf(error)
    const message = `upstream gave no answer to ${question.endpoint} (${reason})`
    throw new AppError('upstream_unavailable', message, { cause: error })
  }
}

/** A root file's templates carry the query's names already; what the client filled in replaces them. */
function urlOf(template: string, { query, packageName }: RelayQuestion): string {
  const url = new URL(template.replaceAll('%package%', packageName ?? ''))
  url.search = query.toString()
  return url.href
}

function headersOf({ form, ifModifiedSince }: RelayQuestion): Readonly<Record<string, string>> {
  return {
    'accept-encoding': 'gzip',
    ...(form === undefined ? {} : { 'content-type': form.type }),
    ...(ifModifiedSince === undefined ? {} : { 'if-modified-since': ifModifiedSince }),
  }
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined
}
