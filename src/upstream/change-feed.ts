import type { FeedAction } from '../composer/change-page.ts'
import { DocumentUnreadable } from '../composer/document.ts'
import type { Digest } from '../digestion/digestion.ts'
import { createPause } from '../event-loop.ts'
import type { Why } from './causes.ts'
import { requestBody, type UpstreamClient } from './client.ts'
import { decode } from './encoding.ts'
import type { UpstreamAnswer } from './exchange.ts'
import { type NoAnswer, noAnswerOf } from './failures.ts'

/** The changes from `since` to before `until`, which count 100 µs since 1970. */
export interface FeedPage {
  readonly outcome: 'page'
  readonly since: number
  /** Where the next page begins. */
  readonly until: number
  /** Of each document the last change only; `atSeconds` (since 1970) is no later than its Last-Modified. */
  readonly actions: readonly FeedAction[]
  /** It can't say what has changed: `since` was too long ago, or there was too much. */
  readonly resync: boolean
  /** Actions about names that can't be those of a package. */
  readonly droppedActions: number
}

export type FeedAnswer =
  | FeedPage
  /** `since` was missing or isn't taken: pages can be asked for from `until` on. */
  | { readonly outcome: 'bootstrap'; readonly until: number }
  /** Upstream has no feed after all. */
  | { readonly outcome: 'none' }
  | NoAnswer

/** A full page of 100,000 actions has about 9 MB. */
const pageSizeBytesMax = 32 * 1024 * 1024

export interface FeedReader {
  readonly client: UpstreamClient
  readonly digest: Digest
}

/**
 * Reads one page of upstream's change feed. Doesn't throw for what upstream does.
 *
 * @param since the `until` of the page before; undefined: only asks where to begin.
 */
export async function readChangeFeed(
  { client, digest }: FeedReader,
  feedUrl: string,
  since: number | undefined,
): Promise<FeedAnswer> {
  const url = new URL(feedUrl)
  if (since !== undefined) url.searchParams.set('since', `${since}`)
  try {
    const answer = await requestBody(client, url.href, {
      headers: { 'accept-encoding': 'gzip' },
      sizeBytesMax: pageSizeBytesMax,
    })
    return await interpret(answer, since, digest)
  } catch (error) {
    return noAnswerOf(error, feedUrl)
  }
}

async function interpret(
  { status, headers, body, why }: UpstreamAnswer<Buffer>,
  since: number | undefined,
  digest: Digest,
): Promise<FeedAnswer> {
  if (status === 404 || status === 410) return { outcome: 'none' }
  if (body === undefined || (status !== 200 && status !== 400)) {
    return { outcome: 'failed', reason: 'status', status, why }
  }
  const decoded = await decode(body, headers['content-encoding'], pageSizeBytesMax)
  if (decoded === undefined) return unusable(why, 'invalid_encoding')
  const page = await changePage(decoded, status === 400, digest)
  if (page === undefined) return unusable(why, 'invalid_document')
  const { until } = page
  // A page that begins who knows where says nothing of what it leaves out.
  if (page.outcome === 'bootstrap' || since === undefined) return { outcome: 'bootstrap', until }
  const { resync, droppedActions, parts } = page
  return { outcome: 'page', since, until, actions: await actionsIn(parts), resync, droppedActions }
}

function unusable(why: Why, cause: 'invalid_encoding' | 'invalid_document'): NoAnswer {
  return { outcome: 'failed', reason: cause, why: { ...why, cause } }
}

async function changePage(body: Buffer, isRefusal: boolean, digest: Digest) {
  try {
    return await digest('changePage', body, { isRefusal })
  } catch (error) {
    if (error instanceof DocumentUnreadable) return undefined
    throw error
  }
}

async function actionsIn(parts: readonly string[]): Promise<readonly FeedAction[]> {
  const pause = createPause()
  const actions: FeedAction[] = []
  for (const part of parts) {
    const read: readonly FeedAction[] = JSON.parse(part)
    actions.push(...read)
    await pause()
  }
  return actions
}
