import * as assert from 'uvu/assert'
import { DocumentName } from '../../src/composer/names.ts'
import { newEvent } from '../../src/events/new-event.ts'
import { documentStream } from '../../src/events/types.ts'
import { inspectionVersion } from '../../src/metadata/inspect.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { alertsOf, openAlert } from '../support/alerts.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const document = DocumentName.parse('beta/text')
const path = '/p2/beta/text.json'
const hourSeconds = 3600

/** A few kilobytes, of which twenty million keys would come. */
const hostile = JSON.stringify({
  minified: 'composer/2.0',
  packages: {
    [document]: [
      Object.fromEntries(Array.from({ length: 2_000 }, (_, key) => [`k${key}`, 1])),
      ...Array.from({ length: 9_999 }, () => ({})),
    ],
  },
})
const problem = 'versions of more than 250000 keys when complete: 20000000'

async function lastEvent({ events }: Service): Promise<unknown> {
  const { type, data } = (await events()).at(-1) ?? {}
  return { type, ...data }
}

/** As if an inspection of other rules, or of these, had refused the body. */
async function refuse({ log, events, clock, restart }: Service, body: Buffer, inspection: number) {
  clock.advance(1)
  const stream = documentStream(document)
  const data = {
    document,
    reason: 'invalid_document',
    durationMs: 1,
    fetchedAt: clock.now(),
    refusedSha256: sha256Of(body),
    problem: 'bad',
    inspection,
  } as const
  const expected = (await events()).filter((event) => event.stream === stream).length
  const event = newEvent({ type: 'MetadataFetchFailed', data })
  assert.is((await log.append({ stream, expected, events: [event] })).outcome, 'appended')
  await restart()
}

describe('documents that are refused', startService, (test) => {
  test('are told by their hash and the limit, while the last good one is served', async (service) => {
    const { get, upstream, clock, restart } = service
    const good = await get(path)
    const body = Buffer.from(hostile)
    upstream.fail({ match: /beta\/text/, mode: 'own-words', body })
    for (const isAgain of [false, true]) {
      clock.advance(hourSeconds)
      const answer = await get(path)
      assert.is(answer.statusCode, 200)
      assert.is(answer.body.toString(), good.body.toString())
      assert.match(JSON.stringify(await lastEvent(service)), JSON.stringify(problem))
      assert.match(JSON.stringify(await lastEvent(service)), sha256Of(body))
      assert.match((await openAlert(service, 'document_refused')).detail, problem)
      if (!isAgain) await restart()
    }
  })

  test('are told by the limit when they are too large to be read', async (service) => {
    const { get, upstream, clock } = service
    const good = await get(path)
    const body = Buffer.concat([good.body, Buffer.alloc(9 * 1024 * 1024, ' ')])
    upstream.fail({ match: /beta\/text/, mode: 'own-words', body })
    clock.advance(hourSeconds)
    assert.ok((await get(path)).body.equals(good.body))
    const limit = 'more than 8388608 bytes'
    assert.match(JSON.stringify(await lastEvent(service)), limit)
    assert.match((await openAlert(service, 'document_refused')).detail, limit)
  })

  test('do not replace the root file, however deep they are', async (service) => {
    const { get, upstream, clock } = service
    const good = await get('/packages.json')
    const lists = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
    const body = `{"metadata-url":"/p2/%package%.json","filter":{"metadata":true,"lists":${lists}}}`
    upstream.fail({ match: /packages\.json/, mode: 'own-words', body })
    clock.advance(hourSeconds)
    const answer = await get('/packages.json')
    assert.is(answer.statusCode, 200)
    assert.ok(answer.body.equals(good.body))
    const alerts = await alertsOf(service, 'document_refused')
    const root = alerts.find(({ subject }) => subject === 'packages.json')
    assert.match(root?.detail ?? '', 'JSON nested deeper than 64 levels: 20002')
  })

  test('are not inspected again by the same rules, nor after a restart', async (service) => {
    const { get, upstream, clock } = service
    const before = await get(path)
    const body = Buffer.from(before.body.toString().replace(/\s*$/, ' '))
    upstream.fail({ match: /beta\/text/, mode: 'own-words', body })
    await refuse(service, body, inspectionVersion)
    clock.advance(hourSeconds)
    assert.ok((await get(path)).body.equals(before.body))
    assert.match(JSON.stringify(await lastEvent(service)), '"problem":"bad"')
  })

  test('are inspected again by other rules', async (service) => {
    const { get, upstream, clock } = service
    const before = await get(path)
    const body = Buffer.from(before.body.toString().replace(/\s*$/, ' '))
    upstream.fail({ match: /beta\/text/, mode: 'own-words', body })
    await refuse(service, body, inspectionVersion + 1)
    clock.advance(hourSeconds)
    assert.ok((await get(path)).body.equals(body))
  })
})
