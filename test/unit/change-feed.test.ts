import { monitorEventLoopDelay } from 'node:perf_hooks'
import { gzipSync } from 'node:zlib'
import * as assert from 'uvu/assert'
import { readChangePage } from '../../src/composer/change-page.ts'
import { createDigestion } from '../../src/digestion/digestion.ts'
import { type FeedAnswer, readChangeFeed } from '../../src/upstream/change-feed.ts'
import { openRig, reset, type Rig, type Serve, status } from '../support/scripted-upstream.ts'
import { patientMs } from '../support/slowness.ts'
import { describe } from '../support/suite.ts'

const { digest } = createDigestion()

const since = 17_802_720_000_000
const until = since + 600_000

function json(value: unknown, code = 200): Serve {
  return (_, response) => {
    response.writeHead(code, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
    response.end(gzipSync(JSON.stringify(value)))
  }
}

function page(actions: readonly unknown[], timestamp: unknown = until): Serve {
  return json({ actions, timestamp })
}

async function read(
  { start, url }: Rig,
  serve: Serve,
  from: number | undefined = since,
): Promise<FeedAnswer> {
  const { client } = start(serve)
  return await readChangeFeed({ client, digest }, `${url}/metadata/changes.json`, from)
}

async function outcomeOf(rig: Rig, serve: Serve): Promise<string> {
  const answer = await read(rig, serve)
  return answer.outcome === 'failed' ? answer.reason : answer.outcome
}

const update = { type: 'update', package: 'acme/log', time: 1_780_272_000 }

describe('a page of the change feed', openRig, (test) => {
  test('is what came from `since` on, and says where the next begins', async (rig) => {
    const actions = [
      update,
      { ...update, package: 'acme/log~dev', time: 1_780_272_001.9 },
      { type: 'delete', package: 'beta/text', time: 1_780_272_002 },
    ]
    assert.equal(await read(rig, page(actions)), {
      outcome: 'page',
      since,
      until,
      actions: [
        { type: 'update', document: 'acme/log', atSeconds: 1_780_272_000 },
        { type: 'update', document: 'acme/log~dev', atSeconds: 1_780_272_001 },
        { type: 'delete', packageName: 'beta/text', atSeconds: 1_780_272_002 },
      ],
      resync: false,
      droppedActions: 0,
    })
    assert.is(rig.requests[0]?.url, `/metadata/changes.json?since=${since}`)
    assert.is(rig.requests[0]?.headers['accept-encoding'], 'gzip')
  })

  test('may have no actions', async (rig) => {
    const answer = await read(rig, page([]))
    assert.equal(answer.outcome === 'page' && answer.actions, [])
  })

  test('that can not tell everything says so', async (rig) => {
    const answer = await read(rig, page([{ type: 'resync', package: '*', time: 1_780_272_000 }]))
    assert.equal(answer.outcome === 'page' && [answer.resync, answer.actions], [true, []])
  })

  test('of more than 200,000 actions counts as one that can not tell everything', () => {
    const actions = Array.from({ length: 200_001 }, () => ({ type: '', package: 'a/b', time: 1 }))
    const pageOf = (count: number) =>
      Buffer.from(JSON.stringify({ timestamp: until, actions: actions.slice(0, count) }))
    const [whole, more] = [200_000, 200_001].map((count) =>
      readChangePage(pageOf(count), { isRefusal: false }),
    )
    assert.ok(whole?.outcome === 'page' && !whole.resync && whole.parts.length === 200)
    assert.ok(more?.outcome === 'page' && more.resync && more.parts.length === 0)
  })

  test('that is full leaves the loop to others while it is read', async (rig) => {
    const actions = Array.from({ length: 100_000 }, (_, n) => ({
      ...update,
      package: `acme/p${n}`,
    }))
    const serve = page(actions)
    const delay = monitorEventLoopDelay({ resolution: 10 })
    const answer = await read(rig, (request, response) => {
      serve(request, response)
      delay.enable()
    })
    delay.disable()
    assert.is(answer.outcome === 'page' && answer.actions.length, 100_000)
    assert.ok(delay.max / 1e6 < patientMs(1_000), `${delay.max / 1e6} ms`)
  })

  test('drops names that no package can have, and counts them', async (rig) => {
    const names = ['Acme/Log', 'acme', '../etc/passwd', 'packages.json', 'a/b~dev~dev', '', '*']
    const actions = [...names.map((name) => ({ ...update, package: name })), update]
    const deletions = [{ ...update, type: 'delete', package: 'acme/log~dev' }]
    const answer = await read(rig, page([...actions, ...deletions]))
    assert.equal(answer.outcome === 'page' && [answer.actions.length, answer.droppedActions], [
      1,
      names.length + 1,
    ])
  })

  test('takes a kind of action that is not known for an update', async (rig) => {
    const answer = await read(rig, page([{ ...update, type: 'rename' }]))
    assert.equal(answer.outcome === 'page' && answer.actions[0]?.type, 'update')
  })
})

describe('a feed that is asked without a beginning', openRig, (test) => {
  test('refuses, and says where to begin', async (rig) => {
    const serve = json(
      { error: 'Invalid or missing "since" query parameter', timestamp: until },
      400,
    )
    assert.equal(await read(rig, serve), { outcome: 'bootstrap', until })
    const { client } = rig.start(serve)
    const answer = await readChangeFeed(
      { client, digest },
      `${rig.url}/changes.json?a=b`,
      undefined,
    )
    assert.equal(answer, { outcome: 'bootstrap', until })
    assert.is(rig.requests[0]?.url, '/changes.json?a=b')
  })

  test('or gives a page, whose beginning nobody knows', async (rig) => {
    const { client } = rig.start(page([update]))
    const answer = await readChangeFeed({ client, digest }, `${rig.url}/changes.json`, undefined)
    assert.equal(answer, { outcome: 'bootstrap', until })
  })
})

describe('an answer of the change feed', openRig, (test) => {
  const blanks = Buffer.alloc(33 * 1024 * 1024, ' ')
  const answers: readonly [string, Serve, string][] = [
    ['404', status(404), 'none'],
    ['410', status(410), 'none'],
    ['500', status(500), 'status'],
    ['403', status(403), 'status'],
    ['304', status(304), 'status'],
    ['429', status(429), 'status'],
    ['a broken connection', reset, 'connection'],
    ['400 that names no beginning', json({ error: 'no' }, 400), 'invalid_document'],
    ['400 that is no JSON', status(400), 'invalid_document'],
    ['no JSON', (_, response) => void response.end('<!doctype html>'), 'invalid_document'],
    ['JSON of something else', json({ packages: {} }), 'invalid_document'],
    ['a list', json([]), 'invalid_document'],
    ['null', json(null), 'invalid_document'],
    ['a page without an end', json({ actions: [update] }), 'invalid_document'],
    ['an end without a page', json({ timestamp: until }), 'invalid_document'],
    ['an end that is text', page([update], `${until}`), 'invalid_document'],
    ['an end of zero', page([update], 0), 'invalid_document'],
    ['an end past whole numbers', page([update], 2 ** 60), 'invalid_document'],
    ['an action that is none', page([update, 'acme/log']), 'invalid_document'],
    ['an action without a name', page([{ type: 'update', time: 1 }]), 'invalid_document'],
    ['a time that is text', page([{ ...update, time: 'now' }]), 'invalid_document'],
    ['a time before 1970', page([{ ...update, time: -1 }]), 'invalid_document'],
    ['a time in ms', page([{ ...update, time: 1_780_272_000_000 }]), 'invalid_document'],
    ['no gzip', withEncoding(Buffer.from('{}')), 'invalid_encoding'],
    ['a gzip of too much', withEncoding(gzipSync(blanks)), 'too_large'],
    ['too much', (_, response) => void response.end(blanks), 'too_large'],
  ]
  for (const [what, serve, outcome] of answers) {
    test(`${what}: ${outcome}`, async (rig) => assert.is(await outcomeOf(rig, serve), outcome))
  }
})

function withEncoding(body: Buffer): Serve {
  return (_, response) => void response.setHeader('content-encoding', 'gzip').end(body)
}
