import * as assert from 'uvu/assert'
import type { ArchiveDownload, ArchiveQuestion } from '../../src/upstream/archives.ts'
import { pastGithubsLimit, sightOfToken } from '../../src/upstream/github.ts'
import type { UpstreamAnswer, UpstreamRequest } from '../../src/upstream/exchange.ts'
import { UpstreamFailure } from '../../src/upstream/failures.ts'
import type { Incoming } from '../../src/upstream/send.ts'
import { describe } from '../support/suite.ts'
import { Readable } from 'node:stream'

interface GithubSays {
  readonly status: number
  readonly scopes?: string
  readonly body?: string
}

/** A GitHub that says this of a token, by path. */
function githubThat(says: Readonly<Record<string, GithubSays>>) {
  return {
    async ask<Body>(
      url: string,
      { receive }: UpstreamRequest<Body>,
    ): Promise<UpstreamAnswer<Body>> {
      const said = says[new URL(url).pathname]
      if (said === undefined) throw new UpstreamFailure('timeout', 'upstream took too long')
      const { status, scopes, body = '' } = said
      const headers = scopes === undefined ? {} : { 'x-oauth-scopes': scopes }
      const incoming: Incoming = {
        status,
        headers,
        body: Readable.from([Buffer.from(body)]),
        receivedBytes: () => body.length,
        isAwaited: () => false,
      }
      return {
        status,
        headers,
        body: await receive(incoming),
        isTransient: false,
        why: { cause: 'status', status, host: 'api.github.com' },
      }
    },
  }
}

const token = { header: 'authorization', value: 'Bearer x' } as const
const ofUser = '/user/repos'
const ofApp = '/installation/repositories'

function apps(total: number, ...repositories: readonly boolean[]): string {
  const described = repositories.map((isPrivate) => ({ private: isPrivate }))
  return JSON.stringify({ total_count: total, repositories: described })
}

describe(
  'a token of GitHub',
  async () => ({}),
  (test) => {
    const cases: readonly [string, Record<string, GithubSays>, string][] = [
      ['without a private repository', { [ofUser]: { status: 200, body: '[]' } }, 'public_only'],
      ['with one', { [ofUser]: { status: 200, body: '[{}]' } }, 'may_be_private'],
      [
        'that has the scope of private ones, and none yet',
        { [ofUser]: { status: 200, scopes: 'gist, repo', body: '[]' } },
        'may_be_private',
      ],
      [
        'with scopes that only sound like it',
        { [ofUser]: { status: 200, scopes: 'public_repo, repo:status', body: '[]' } },
        'public_only',
      ],
      ['that is taken back', { [ofUser]: { status: 401 } }, 'not_taken'],
      [
        'of an app with public repositories',
        { [ofUser]: { status: 403 }, [ofApp]: { status: 200, body: apps(2, false, false) } },
        'public_only',
      ],
      [
        'of an app with a private one',
        { [ofUser]: { status: 403 }, [ofApp]: { status: 200, body: apps(2, false, true) } },
        'may_be_private',
      ],
      [
        'of an app with more than are shown',
        { [ofUser]: { status: 403 }, [ofApp]: { status: 200, body: apps(300, false) } },
        'may_be_private',
      ],
      ['when GitHub is away', {}, 'unknown'],
      ['when what answers is not GitHub', { [ofUser]: { status: 200, body: '<html>' } }, 'unknown'],
      [
        'when GitHub answers something else',
        { [ofUser]: { status: 200, body: '{"a":1}' } },
        'unknown',
      ],
    ]
    for (const [title, says, sight] of cases) {
      test(`${title}: ${sight}`, async () => {
        assert.is(await sightOfToken(githubThat(says), token), sight)
      })
    }
  },
)

const zipball = 'https://api.github.com/repos/acme/log/zipball/0123456789abcdef'
const limited = {
  outcome: 'failed',
  reason: 'status',
  status: 403,
  why: { cause: 'status', status: 403, host: 'api.github.com' },
} as const
const found = { outcome: 'unchanged' } as const
const missing = { outcome: 'missing', status: 404 } as const

/** What comes of a download where the hosts say this, and which URLs were asked. */
async function downloading(
  url: string,
  says: Readonly<Record<string, ArchiveDownload>>,
): Promise<{ readonly outcome: ArchiveDownload; readonly asked: readonly string[] }> {
  const asked: string[] = []
  const into = {
    begin: async () => undefined,
    write: async () => true,
    end: () => true,
  } satisfies ArchiveQuestion['into']
  const outcome = await pastGithubsLimit({ url, known: {}, into }, async (question) => {
    asked.push(question.url)
    return says[new URL(question.url).host] ?? missing
  })
  return { outcome, asked }
}

describe(
  "GitHub's limit",
  async () => ({}),
  (test) => {
    test('is passed by where the API would redirect', async () => {
      const says = { 'api.github.com': limited, 'codeload.github.com': found }
      const { outcome, asked } = await downloading(zipball, says)
      assert.is(outcome, found)
      assert.is(asked[1], 'https://codeload.github.com/acme/log/legacy.zip/0123456789abcdef')
      const paused = { outcome: 'paused', retryAfterSeconds: 9 } as const
      const again = await downloading(zipball, { ...says, 'api.github.com': paused })
      assert.is(again.outcome, found)
    })

    test('makes nothing missing that the API may have', async () => {
      const { outcome } = await downloading(zipball, { 'api.github.com': limited })
      assert.is(outcome, limited)
    })

    test('is no reason to ask twice when the API answers, nor for another URL', async () => {
      assert.is((await downloading(zipball, { 'api.github.com': missing })).asked.length, 1)
      for (const url of [
        'https://api.github.com/repos/acme/log/zipball/a/b',
        'https://api.github.com/repos/acme/log/zipball/a?x=1',
        'https://api.github.com/repos/acme/../zipball/a%2fb',
        'https://evil.test/https://api.github.com/repos/acme/log/zipball/a',
        'https://api.github.com/repos/acme/log/issues/1',
      ]) {
        const { host } = new URL(url)
        assert.is((await downloading(url, { [host]: limited })).asked.length, 1, url)
      }
    })
  },
)
