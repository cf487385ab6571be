import * as assert from 'uvu/assert'
import { distOf } from '../support/dist.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

interface Listed {
  readonly package: string
  readonly source: string
  readonly constraint: string
  readonly reason: string | null
  readonly by: string | null
}

async function open() {
  const service = await startService()
  const { api, get, events } = service
  const ask = async (verb: string, json: object) =>
    await api('POST', `/api/v1/proxy/${verb}`, { json })
  return {
    ...service,
    ask,
    block: async (name: string, constraint: string, reason?: string) => {
      const { status, body } = await ask('block', { package: name, constraint, reason })
      assert.is(status, 200, JSON.stringify(body))
      return (body as { blocks: readonly Listed[] }).blocks
    },
    unblock: async (name: string, constraint?: string) => {
      const { status, body } = await ask('unblock', { package: name, constraint })
      assert.is(status, 200, JSON.stringify(body))
      return (body as { blocks: readonly Listed[] }).blocks
    },
    versions: async (path: string) => {
      const { body } = await get(path)
      const { packages, warning } = JSON.parse(body.toString()) as {
        packages: Record<string, readonly { version: string }[]>
        warning?: string
      }
      const versions = Object.values(packages).flat()
      return { names: versions.map(({ version }) => version), warning }
    },
    archive: async (name: string, version: string, reference: string) =>
      await get(`/dist-proxy/${name}/${version}/${reference}.zip`),
    decisions: async () =>
      (await events()).filter(({ type }) => /^Versions(Unb|B)locked$/.test(type)),
  }
}

describe('blocked versions', open, (test) => {
  test('are not in metadata, which says why; the others are what they were', async (service) => {
    const { block, versions, get } = service
    const before = await versions('/p2/acme/log.json')
    await block('acme/log', '>=1.1 <2', 'loses messages')
    const { names, warning } = await versions('/p2/acme/log.json')
    assert.equal(
      names,
      before.names.filter((name) => !name.startsWith('1.1')),
    )
    assert.ok(names.length < before.names.length)
    assert.match(warning ?? '', /acme\/log .*1\.1\.0 \(blocked by the operator: loses messages\)/)
    const text = (await get('/p2/acme/log.json')).body.toString()
    assert.match(text, '"minified":"composer/2.0"')
    assert.match(text, '"security-advisories"')
  })

  test('are not in the past either, reconstructed or recorded', async (service) => {
    const { block, versions, clock } = service
    const before = await versions('/at/2025-06-01/p2/acme/http.json')
    assert.ok(before.names.includes('1.1.0'))
    await versions('/p2/acme/http.json')
    clock.advance(3600)
    await block('acme/http', '1.1.0')
    for (const at of ['2025-06-01', '2026-06-01T00:30:00Z']) {
      const { names, warning } = await versions(`/at/${at}/p2/acme/http.json`)
      assert.not(names.includes('1.1.0'), at)
      assert.ok(names.includes('1.0.0'))
      assert.match(warning ?? '', '1.1.0')
    }
  })

  test('are not among the branches, by name and by number', async ({ block, versions }) => {
    await block('acme/mailer', 'dev-feature/queue')
    const { names } = await versions('/p2/acme/mailer~dev.json')
    assert.equal(names, ['dev-main'])
    assert.not((await versions('/p2/acme/mailer.json')).warning, 'no tag is meant')
  })

  test('may be all there are: an empty list, since Composer would go on with an old copy after 410', async (service) => {
    const { block, versions, get } = service
    await block('acme/clock', '*', 'given up')
    for (const path of ['/p2/acme/clock.json', '/p2/acme/clock~dev.json']) {
      assert.is((await get(path)).statusCode, 200)
      const { names, warning } = await versions(path)
      assert.equal(names, [])
      assert.match(warning ?? '', 'given up')
    }
  })

  test('leave the bytes of other documents as upstream sent them', async (service) => {
    const { block, get, upstream } = service
    await block('beta/text', '1.0.0')
    for (const path of ['/p2/beta/text~dev.json', '/p2/beta/fonts.json']) {
      const sent = Buffer.from(await (await fetch(upstream.url + path)).arrayBuffer())
      assert.ok((await get(path)).body.equals(sent), path)
    }
  })

  test('are blocked in a frozen package too', async ({ block, versions, api }) => {
    await api('POST', '/api/v1/proxy/freeze/acme/container')
    await block('acme/container', '1.0.1')
    assert.equal((await versions('/p2/acme/container.json')).names, ['v1.1.0', 'v1.0.0'])
  })
})

describe('archives of blocked versions', open, (test) => {
  test('are 410 with a warning, kept here or not, and the others are served', async (service) => {
    const { block, unblock, archive } = service
    const [kept, other] = [
      await distOf(service, 'acme/log', '1.1.0'),
      await distOf(service, 'acme/log', '1.0.0'),
    ]
    assert.is((await archive('acme/log', '1.1.0.0', kept.reference)).statusCode, 200)
    await block('acme/log', '^1.1', 'loses messages')
    const refused = await archive('acme/log', '1.1.0.0', kept.reference)
    assert.is(refused.statusCode, 410)
    assert.is(refused.headers['content-type'], 'application/json')
    const { warning } = JSON.parse(refused.body.toString()) as { warning: string }
    assert.match(warning, /acme\/log 1\.1\.0\.0 .*loses messages/)
    assert.is((await archive('acme/log', '1.0.0.0', other.reference)).statusCode, 200)
    await unblock('acme/log')
    assert.is((await archive('acme/log', '1.1.0.0', kept.reference)).statusCode, 200)
  })

  test('of a package never asked for are 410, as in an install from a lock file', async (service) => {
    const { block, archive, upstream } = service
    const { reference } = await distOf(service, 'acme/framework', '1.1.0')
    await block('acme/framework', '1.1.0')
    upstream.forget()
    assert.is((await archive('acme/framework', '1.1.0.0', reference)).statusCode, 410)
    assert.is(upstream.requestsFor(/^\/(dist|codeload)/).length, 0)
  })

  test('are 410 by every reference that the version ever had', async (service) => {
    const { block, archive, upstream, get, clock } = service
    const old = await distOf(service, 'acme/http', '1.0.0')
    await get('/p2/acme/http.json')
    const moved = upstream.moveTag('acme/http', '1.0.0')
    clock.advance(4000)
    await get('/p2/acme/http.json')
    await block('acme/http', '1.0.0')
    for (const reference of [old.reference, moved]) {
      assert.is((await archive('acme/http', '1.0.0.0', reference)).statusCode, 410)
    }
  })

  test('are not to be had as a commit of a branch, which no metadata names', async (service) => {
    const { block, archive } = service
    const { reference } = await distOf(service, 'acme/mailer', '1.1.0')
    await block('acme/mailer', '1.1.0')
    assert.is((await archive('acme/mailer', 'dev-main', reference)).statusCode, 410)
    await block('acme/mailer', 'dev-main')
    const unnamed = await archive('acme/mailer', 'dev-main', 'a'.repeat(40))
    assert.is(unnamed.statusCode, 410)
  })

  test('are not refused when the archive is of another version too, that is asked for', async (service) => {
    const { block, archive, get } = service
    const { reference } = await distOf(service, 'acme/container', 'v1.1.0')
    await get('/p2/acme/container.json')
    await block('acme/container', '>=1.0.1 <1.1')
    assert.is((await archive('acme/container', '1.1.0.0', reference)).statusCode, 200)
  })

  test('are 503 when it takes upstream to know, which does not answer', async (service) => {
    const { block, archive, upstream } = service
    const { reference } = await distOf(service, 'acme/testing', '1.0.0')
    // Before it is blocked, which has upstream asked what there is.
    const clear = upstream.fail({ match: /./, mode: 'status', status: 400 })
    await block('acme/testing', '1.0.0')
    assert.is((await archive('acme/testing', '1.0.0.0', reference)).statusCode, 503)
    clear()
  })

  test('are asked for again by caches in front', async (service) => {
    const { reference } = await distOf(service, 'beta/text', '1.0.0')
    const { headers } = await service.archive('beta/text', '1.0.0.0', reference)
    assert.match(headers['cache-control'] ?? '', 'must-revalidate')
  })
})

describe('blocking', open, (test) => {
  test('the same again changes nothing and records nothing', async (service) => {
    const { block, unblock, decisions } = service
    const first = await block('acme/log', '1.0.0', 'bad')
    assert.equal(
      first.map(({ package: name, source, constraint, reason, by }) => {
        return [name, source, constraint, reason, by]
      }),
      [['acme/log', 'own', '1.0.0', 'bad', 'admin']],
    )
    assert.equal(await block('acme/log', '1.0.0', 'bad'), first)
    assert.equal(await block('acme/log', '1.0.0'), first)
    assert.is((await decisions()).length, 1)
    const [other] = await block('acme/log', '1.0.0', 'very bad')
    assert.is(other?.reason, 'very bad')
    await block('acme/log', '^2.0')
    assert.is((await unblock('acme/log', '3.0.0')).length, 2, 'which was not blocked')
    assert.is((await decisions()).length, 3)
    assert.equal(
      (await unblock('acme/log', '1.0.0')).map(({ constraint }) => constraint),
      ['^2.0'],
    )
    assert.equal(await unblock('acme/log'), [])
    assert.equal(await unblock('acme/log'), [])
    assert.is((await decisions()).length, 5)
  })

  test('is an event that says who, why and for which request', async ({ api, decisions }) => {
    const request = {
      json: { package: 'acme/http', constraint: '1.0.0', reason: 'audit' },
      headers: { 'x-request-id': 'build-4711' },
    }
    await api('POST', '/api/v1/proxy/block', request)
    await api('POST', '/api/v1/proxy/unblock', request)
    for (const { stream, data } of (await decisions()).slice(-2)) {
      assert.is(stream, 'package-acme/http')
      const { actor, requestId, reason, constraint } = data as Record<string, unknown> // of this kind
      assert.equal(
        [actor, requestId, reason, constraint],
        ['admin', 'build-4711', 'audit', '1.0.0'],
      )
    }
  })

  test('is listed', async ({ api, block }) => {
    await block('beta/text', '1.0.0', 'bad')
    await block('acme/nothing', '*')
    const { body } = await api('GET', '/api/v1/proxy/blocks')
    const { blocks } = body as { blocks: readonly Listed[] }
    const shown = blocks.map(({ package: name, constraint }) => `${name} ${constraint}`)
    assert.equal(shown, ['acme/nothing *', 'beta/text 1.0.0'])
  })

  for (const [json, says] of [
    [{ package: 'acme/log', constraint: '>=>1' }, 'like 1.0.2'],
    [{ package: 'acme/log', constraint: '' }, 'like 1.0.2'],
    [{ package: 'acme/log' }, 'constraint is missing'],
    [{ package: 'Acme', constraint: '*' }, 'package must be the name of a package, like acme/log'],
    [{ package: 'acme/log', constraint: '*', why: 'x' }, 'reason'],
    [{ package: 'acme/log', constraint: `1.0 || ${'2.0 || '.repeat(80)}3.0` }, 'at most 500'],
  ] as const) {
    test(`${JSON.stringify(json).slice(0, 60)} is 400 and says what to write`, async ({ ask }) => {
      const { status, body } = await ask('block', json)
      assert.is(status, 400)
      assert.match((body as { detail: string }).detail, says)
    })
  }
})
