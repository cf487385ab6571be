import { z } from 'zod'
import { DocumentName, PackageName, packageOfDocument } from '../composer/names.ts'
import { requestBody, type UpstreamClient } from './client.ts'
import { decode } from './encoding.ts'
import type { UpstreamAnswer } from './exchange.ts'
import { type NoAnswer, noAnswerOf } from './failures.ts'

export type FeedAction =
  | { readonly type: 'update'; readonly document: DocumentName; readonly atSeconds: number }
  /** Both documents of the package. */
  | { readonly type: 'delete'; readonly packageName: PackageName; readonly atSeconds: number }

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

const timestamp = z.int().positive()
const secondsOfYear10000 = 253_402_300_800
const Page = z.object({
  timestamp,
  actions: z.array(
    z.object({
      type: z.string(),
      package: z.string(),
      time: z.number().nonnegative().lt(secondsOfYear10000),
    }),
  ),
})
const Refusal = z.object({ timestamp })

/**
 * Reads one page of upstream's change feed. Doesn't throw for what upstream does.
 *
 * @param since the `until` of the page before; undefined: only asks where to begin.
 */
export async function readChangeFeed(
  client: UpstreamClient,
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
    return await interpret(answer, since)
  } catch (error) {
    return noAnswerOf(error)
  }
}

async function interpret(
  { status, headers, body }: UpstreamAnswer<Buffer>,
  since: number | undefined,
): Promise<FeedAnswer> {
  if (status === 404 || status === 410) return { outcome: 'none' }
  if (body === undefined || (status !== 200 && status !== 400)) {
    return { outcome: 'failed', reason: 'status', status }
  }
  const decoded = await decode(body, headers['content-encoding'], pageSizeBytesMax)
  if (decoded === undefined) return { outcome: 'failed', reason: 'invalid_encoding', status }
  const answer = parse(decoded, status, since)
  return answer ?? { outcome: 'failed', reason: 'invalid_document', status }
}

function parse(body: Buffer, status: number, since: number | undefined): FeedAnswer | undefined {
  const json = parseJson(body)
  if (status === 400) {
    const refusal = Refusal.safeParse(json).data
    return refusal && { outcome: 'bootstrap', until: refusal.timestamp }
  }
  const page = Page.safeParse(json).data
  if (page === undefined) return undefined
  // A page that begins who knows where says nothing of what it leaves out.
  if (since === undefined) return { outcome: 'bootstrap', until: page.timestamp }
  return { outcome: 'page', since, until: page.timestamp, ...sorted(page.actions) }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function sorted(
  actions: z.infer<typeof Page>['actions'],
): Pick<FeedPage, 'actions' | 'resync' | 'droppedActions'> {
  const changes = actions.filter(({ type }) => type !== 'resync')
  const parsed = changes.map(parseAction).filter((action) => action !== undefined)
  return {
    actions: parsed,
    resync: changes.length < actions.length,
    droppedActions: changes.length - parsed.length,
  }
}

/** Any other type than those known is taken for an update: asking once too often does no harm. */
function parseAction({
  type,
  package: name,
  time,
}: z.infer<typeof Page>['actions'][number]): FeedAction | undefined {
  const atSeconds = Math.floor(time)
  if (type === 'delete') {
    const packageName = PackageName.safeParse(name).data
    return packageName && { type, packageName, atSeconds }
  }
  const document = DocumentName.safeParse(name).data
  if (document === undefined || packageOfDocument(document) === undefined) return undefined
  return { type: 'update', document, atSeconds }
}
