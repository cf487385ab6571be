import { z } from 'zod'
import type { ArchiveDownload, ArchiveQuestion } from './archives.ts'
import { requestBody, type UpstreamClient } from './client.ts'
import { type Credential, githubApi } from './credentials.ts'
import { noAnswerOf } from './failures.ts'

/**
 * What a token sees beside what everybody does. `may_be_private`: it would give private repositories to whoever asks
 * this server; `not_taken`: GitHub doesn't know it; `unknown`: GitHub gave no answer of use.
 */
export type TokenSight = 'public_only' | 'may_be_private' | 'not_taken' | 'unknown'

const answerBytesMax = 4 * 2 ** 20

const Repositories = z.array(z.unknown())
const AppRepositories = z.object({
  total_count: z.number(),
  repositories: z.array(z.object({ private: z.boolean() })),
})

/** Asks GitHub what its token sees. Doesn't throw for what GitHub does. */
export async function sightOfToken(
  client: UpstreamClient,
  token: Pick<Credential, 'header' | 'value'>,
): Promise<TokenSight> {
  const ofUser = await ask(client, '/user/repos?visibility=private&per_page=1', token)
  if (ofUser === undefined) return 'unknown'
  if (ofUser.status === 401) return 'not_taken'
  if (ofUser.status === 200) return sightOfUser(ofUser)
  const ofApp = await ask(client, '/installation/repositories?per_page=100', token)
  return ofApp?.status === 200 ? sightOfApp(ofApp) : 'unknown'
}

function sightOfUser({ scopes, json }: GithubAnswer): TokenSight {
  // A token with this scope sees what becomes private later too.
  if (/(?:^|,)\s*repo\s*(?:,|$)/.test(scopes)) return 'may_be_private'
  const repositories = Repositories.safeParse(json).data
  if (repositories === undefined) return 'unknown'
  return repositories.length === 0 ? 'public_only' : 'may_be_private'
}

/** The tokens of apps have no user. What isn't on the first page may be private. */
function sightOfApp({ json }: GithubAnswer): TokenSight {
  const found = AppRepositories.safeParse(json).data
  if (found === undefined) return 'unknown'
  const { total_count: total, repositories } = found
  const isPublic = total <= repositories.length && repositories.every((each) => !each.private)
  return isPublic ? 'public_only' : 'may_be_private'
}

interface GithubAnswer {
  readonly status: number
  readonly scopes: string
  readonly json: unknown
}

async function ask(
  client: UpstreamClient,
  path: string,
  { header, value }: Pick<Credential, 'header' | 'value'>,
): Promise<GithubAnswer | undefined> {
  const url = `https://${githubApi}${path}`
  try {
    const { status, headers, body } = await requestBody(client, url, {
      headers: { [header]: value, accept: 'application/vnd.github+json' },
      sizeBytesMax: answerBytesMax,
    })
    const scopes = headers['x-oauth-scopes']
    const json = body === undefined ? undefined : jsonIn(body)
    return { status, scopes: typeof scopes === 'string' ? scopes : '', json }
  } catch (error) {
    noAnswerOf(error, url)
    return undefined
  }
}

function jsonIn(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

/**
 * Downloads past GitHub's limit of requests: its API redirects to a host that has none, and can be left out. What that
 * host doesn't give stays what the API said, since it knows nothing of private repositories.
 */
export async function pastGithubsLimit(
  question: ArchiveQuestion,
  download: (question: ArchiveQuestion) => Promise<ArchiveDownload>,
): Promise<ArchiveDownload> {
  const answer = await download(question)
  const url = isLimited(answer) ? codeloadUrl(question.url) : undefined
  if (url === undefined) return answer
  const other = await download({ ...question, url })
  return other.outcome === 'downloaded' || other.outcome === 'unchanged' ? other : answer
}

function isLimited(answer: ArchiveDownload): boolean {
  if (answer.outcome === 'paused') return true
  return answer.outcome === 'failed' && (answer.status === 403 || answer.status === 429)
}

/** Where the API would redirect for an archive of a commit; undefined: that isn't such a URL. */
function codeloadUrl(url: string): string | undefined {
  const path = /^https:\/\/api\.github\.com\/repos\/([\w.-]+\/[\w.-]+)\/(zip|tar)ball\/([\w.-]+)$/i
  const [, repository, format, reference] = path.exec(url) ?? []
  if (repository === undefined || reference === undefined) return undefined
  return `https://codeload.github.com/${repository}/legacy.${format === 'tar' ? 'tar.gz' : 'zip'}/${reference}`
}
