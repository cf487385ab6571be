import * as assert from 'uvu/assert'
import { expandVersions, type JsonObject } from '../../src/composer/minify.ts'
import { compactInstant, httpDate } from '../../src/time-machine/instant.ts'
import { openAlert } from '../support/alerts.ts'
import { pass, poll, withFeed } from '../support/feed.ts'
import { recordUnlooked } from '../support/former-release.ts'
import { type Service, startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

const path = '/p2/beta/text.json'

/** What upstream says of beta/text, and after it versions with fields that are unusual. */
async function oddDocument(
  { upstream }: Service,
  odd: readonly Readonly<Record<string, unknown>>[],
): Promise<string> {
  const document = (await (await fetch(upstream.url + path)).json()) as {
    packages: Record<string, JsonObject[]>
  }
  const [first, ...others] = expandVersions(document.packages['beta/text'] ?? [])
  const more = odd.map((fields, patch) => {
    return { ...first, version: `7.7.${patch}`, version_normalized: `7.7.${patch}.0`, ...fields }
  })
  return JSON.stringify({ packages: { 'beta/text': [first, ...others, ...more] } })
}

function versionsIn(body: Buffer): readonly unknown[] {
  const { packages } = JSON.parse(body.toString()) as { packages: Record<string, JsonObject[]> }
  return (packages['beta/text'] ?? []).map(({ version }) => version)
}

const isOdd = (version: unknown) => String(version).startsWith('7.7.')

describe(
  'versions with fields of other types',
  async () => await startService(),
  (test) => {
    test('cost none of the others, and an alert and the event say why', async (service) => {
      const { get, upstream, events } = service
      const odd = [
        { support: 'https://example.org/help' },
        { bin: [null] },
        { require: { 'beta/text': 7 }, 'require-dev': null, version_normalized: null },
        { suggest: { 'ext-intl': null } },
        { source: { type: 'git', url: 'https://example.org/text.git', reference: 7 } },
      ]
      const body = await oddDocument(service, odd)
      const clear = upstream.fail({ match: /beta\/text\.json/, mode: 'own-words', body })
      const answer = await get(path)
      clear()
      assert.equal(versionsIn(answer.body).filter(isOdd), ['7.7.2', '7.7.4'])
      const { detail } = await openAlert(service, 'versions_left_out')
      assert.match(detail, '3 versions of beta/text left out')
      const told = (await events()).find(({ type }) => type === 'MetadataChanged')
      const rejected = JSON.stringify(told?.data)
      assert.match(rejected, 'support: neither a list nor an object; Composer 2.5 throws at it')
      assert.match(rejected, '"bin: not a text, nor texts only"')
      assert.match(rejected, '"suggest: not texts only"')
    })
  },
)

async function record(service: Service) {
  const oddBody = await oddDocument(service, [{ bin: [null] }, { replace: null }])
  const recordedAt = await recordUnlooked(service, 'beta/text', oddBody)
  service.clock.advance(10)
  // A pin waits for the read models.
  await service.get(`/at/${compactInstant(service.clock.now())}${path}`)
  return { ...service, recordedAt, oddBody }
}

const openRecorded = async () => await record(await startService())

/** The same, and for an hour the feed said that nothing has changed. */
const openFollowed = async () => {
  const service = await withFeed()()
  await poll(service)
  const opened = await record(service)
  for (let halves = 0; halves < 2; halves++) {
    pass(opened, 1_800)
    await poll(opened)
  }
  return opened
}

describe(
  'versions that Composer throws at which a former release recorded',
  openRecorded,
  (test) => {
    test('are in no answer of now or the past, each with a date of its own', async (service) => {
      const { get, clock, recordedAt } = service
      for (const each of [path, `/at/${compactInstant(clock.now())}${path}`]) {
        const former = httpDate(recordedAt)
        const { statusCode, headers, body } = await get(each, { 'if-modified-since': former })
        assert.is(statusCode, 200, each)
        assert.equal(versionsIn(body).filter(isOdd), ['7.7.1'], each)
        assert.is.not(headers['last-modified'], former)
      }
    })

    test('are not asked for again before their time to live is over', async (service) => {
      const { get, upstream, clock } = service
      upstream.forget()
      clock.advance(3_000)
      await get(path)
      assert.equal(upstream.requestsFor(/beta\/text\.json/), [])
    })

    test('are told by an alert once upstream is asked again, which may not say that it has nothing new', async (service) => {
      const { get, upstream, clock, oddBody } = service
      const body = oddBody
      const clear = upstream.fail({ match: /beta\/text\.json/, mode: 'own-words', body })
      upstream.forget()
      clock.advance(1_000)
      assert.equal(versionsIn((await get(path)).body).filter(isOdd), ['7.7.1'])
      clear()
      const [request] = upstream.requestsFor(/beta\/text\.json/)
      assert.ok(request !== undefined)
      assert.is(request.headers['if-modified-since'], undefined)
      const { detail } = await openAlert(service, 'versions_left_out')
      assert.match(detail, 'One version of beta/text left out')
    })
  },
)

describe('what a former release recorded and the feed calls fresh', openFollowed, (test) => {
  test('is looked at again when it is served, so that the alert is there', async (service) => {
    const { get, upstream, oddBody } = service
    const clear = upstream.fail({ match: /beta\/text\.json/, mode: 'own-words', body: oddBody })
    upstream.forget()
    assert.equal(versionsIn((await get(path)).body).filter(isOdd), ['7.7.1'])
    const alert = await eventually('it is told', async () => {
      return await openAlert(service, 'versions_left_out')
    })
    assert.match(alert.detail, 'One version of beta/text left out')
    assert.is(upstream.requestsFor(/beta\/text\.json/).length, 1)
    assert.equal(versionsIn((await get(path)).body).filter(isOdd), ['7.7.1'])
    assert.is(upstream.requestsFor(/beta\/text\.json/).length, 1, 'once')
    clear()
  })
})
