import * as assert from 'uvu/assert'
import { expandVersions, type JsonObject } from '../../src/composer/minify.ts'
import { compactInstant, httpDate } from '../../src/time-machine/instant.ts'
import { openAlert } from '../support/alerts.ts'
import { recordUnlooked } from '../support/former-release.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const path = '/p2/beta/text.json'
const evilReference = 'e'.repeat(40)

/** What upstream says of beta/text, and under it a version that calls itself another package. */
async function hostileDocument({ upstream }: Service): Promise<string> {
  const document = (await (await fetch(upstream.url + path)).json()) as {
    packages: Record<string, JsonObject[]>
  }
  const own = document.packages['beta/text'] ?? []
  const evil = {
    name: 'acme/secret',
    version: '9.9.9',
    version_normalized: '9.9.9.0',
    dist: { type: 'zip', url: `${upstream.url}/evil.zip`, reference: evilReference, shasum: '' },
  }
  const packages = { 'beta/text': [...own, evil], 'acme/log': [evil] }
  return JSON.stringify({ ...document, packages })
}

function ownersIn(body: Buffer): readonly unknown[] {
  const { packages } = JSON.parse(body.toString()) as { packages: Record<string, JsonObject[]> }
  const versions = Object.values(packages).flatMap((each) => expandVersions(each))
  return [...new Set([...Object.keys(packages), ...versions.map(({ name }) => name)])]
}

const open = async () => await startService()

describe('versions of another package in a document', open, (test) => {
  test('are not served, and an alert says so', async (service) => {
    const { get, upstream, events } = service
    const body = await hostileDocument(service)
    const clear = upstream.fail({ match: /beta\/text\.json/, mode: 'own-words', body })
    const answer = await get(path)
    clear()
    assert.is(answer.statusCode, 200)
    assert.equal(ownersIn(answer.body), ['beta/text'])
    assert.not.match(answer.body.toString(), 'acme/secret')
    const { detail } = await openAlert(service, 'versions_left_out')
    assert.match(detail, '2 versions of beta/text left out')
    const told = (await events()).find(({ type }) => type === 'MetadataChanged')
    assert.match(
      JSON.stringify(told?.data),
      /"rejectedVersions":\[\{"version":".{0,2}9\.9\.9.{0,2}",/,
    )
  })
})

const openRecorded = async () => {
  const service = await startService()
  const recordedAt = await recordUnlooked(service, 'beta/text', await hostileDocument(service))
  service.clock.advance(60)
  return { ...service, recordedAt }
}

describe('versions of another package that a former release recorded', openRecorded, (test) => {
  test('are not kept by clients that have them: the answer has a date of its own', async (service) => {
    const { get, recordedAt, clock } = service
    for (const each of [path, `/at/${compactInstant(clock.now())}${path}`]) {
      const former = httpDate(recordedAt)
      const { statusCode, headers } = await get(each, { 'if-modified-since': former })
      assert.is(statusCode, 200, each)
      const own = headers['last-modified'] ?? ''
      assert.is.not(own, former)
      assert.is((await get(each, { 'if-modified-since': own })).statusCode, 304, each)
    }
  })

  test('are in no answer of now or the past, in either way to write it', async (service) => {
    const { get, clock, restart } = service
    const pins = ['2026-05-01', compactInstant(clock.now())]
    for (const PROXY_DIST_MODE of ['mirror', 'rewrite']) {
      await restart({ PROXY_DIST_MODE })
      for (const each of [path, ...pins.map((pin) => `/at/${pin}${path}`)]) {
        const { statusCode, body } = await get(each)
        assert.is(statusCode, 200, each)
        assert.equal(ownersIn(body), ['beta/text'], each)
        assert.match(body.toString(), '"version":"1.1.0"')
      }
    }
  })

  test('have no archive here', async ({ get, upstream }) => {
    upstream.forget()
    const { statusCode } = await get(`/dist-proxy/beta/text/9.9.9.0/${evilReference}.zip`)
    assert.is(statusCode, 404)
    assert.is(upstream.requestsFor(/evil/).length, 0)
  })

  test('are not in what a freeze holds', async ({ get, api }) => {
    const { status } = await api('POST', '/api/v1/proxy/freeze/beta/text')
    assert.is(status, 200)
    assert.equal(ownersIn((await get(path)).body), ['beta/text'])
    const { statusCode } = await get(`/dist-proxy/beta/text/9.9.9.0/${evilReference}.zip`)
    assert.is(statusCode, 404)
  })

  test('came and went without a date that two bodies have', async (service) => {
    const { get, api, upstream, clock } = service
    await api('POST', '/api/v1/proxy/unfreeze/beta/text')
    const dates = new Map<string, string>()
    for (const version of ['2.0.0', '2.1.0']) {
      upstream.publish('beta/text', version)
      clock.advance(4000)
      const { headers, body } = await get(path)
      assert.match(body.toString(), version)
      dates.set(headers['last-modified'] ?? '', body.toString())
    }
    assert.is(dates.size, 2)
  })
})

const openRenamed = async () => {
  const service = await startService()
  const { upstream } = service
  const document = (await (await fetch(upstream.url + path)).json()) as {
    packages: Record<string, JsonObject[]>
  }
  const own = document.packages['beta/text'] ?? []
  const renamed = {
    name: 'beta/text',
    version: '9.9.9',
    version_normalized: '1.0.5.0',
    dist: { type: 'zip', url: `${upstream.url}/evil.zip`, reference: evilReference, shasum: '' },
  }
  const json = { ...document, packages: { 'beta/text': [...own, renamed] } }
  await recordUnlooked(service, 'beta/text', JSON.stringify(json))
  service.clock.advance(60)
  return service
}

describe('a version by the name of another that a former release recorded', openRenamed, (test) => {
  test('is not served under either name, at no time', async ({ get, api, clock, upstream }) => {
    const { status } = await api('POST', '/api/v1/proxy/block', {
      json: { package: 'beta/text', constraint: '9.9.9' },
    })
    assert.is(status, 200)
    for (const each of [path, `/at/${compactInstant(clock.now())}${path}`]) {
      const { statusCode, body } = await get(each)
      assert.is(statusCode, 200, each)
      assert.not.match(body.toString(), '"version":"9.9.9"', each)
      assert.match(body.toString(), '"version":"1.1.0"')
    }
    for (const version of ['1.0.5.0', '9.9.9.0', '9.9.9']) {
      const { statusCode } = await get(`/dist-proxy/beta/text/${version}/${evilReference}.zip`)
      assert.is(statusCode, 404, version)
    }
    assert.is(upstream.requestsFor(/evil/).length, 0)
  })
})

describe('a document without such versions', open, (test) => {
  test('is the very bytes that upstream sent, with its date', async ({ get, upstream }) => {
    const sent = await fetch(upstream.url + path)
    const { body, headers } = await get(path)
    assert.ok(body.equals(Buffer.from(await sent.arrayBuffer())))
    assert.is(headers['last-modified'], sent.headers.get('last-modified'))
  })
})
