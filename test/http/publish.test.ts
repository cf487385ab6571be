import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import { Sha256 } from '../../src/events/types.ts'
import { readBlob } from '../support/blobs.ts'
import {
  openPublishing,
  packageZip,
  publications,
  type PublishedAnswer,
} from '../support/publishing.ts'
import { describe } from '../support/suite.ts'
import { zipball } from '../support/zip.ts'

const log = { name: 'own/log', description: 'Logs', require: { php: '>=8.1' } }

describe('publishing a version', openPublishing, (test) => {
  test('keeps its zip and answers what it is called in metadata', async (service) => {
    const { put, blobs, clock } = service
    const body = packageZip(log)
    const { status, version, headers } = await put('own/log/1.0.0', body)
    assert.is(status, 201)
    const sha256 = createHash('sha256').update(body).digest('hex')
    assert.equal(version, {
      package: 'own/log',
      version: '1.0.0',
      versionNormalized: '1.0.0.0',
      reference: sha256,
      shasum: createHash('sha1').update(body).digest('hex'),
      sizeBytes: body.length,
      publishedAt: clock.now(),
      outcome: 'published',
      warnings: version.warnings,
    })
    assert.is(headers['cache-control'], 'no-store')
    assert.ok((await readBlob(blobs, Sha256.parse(sha256)))?.equals(body))
  })

  test('makes a document of all of its tags, the newest first, and one of its branches', async (service) => {
    const { put, served, versionsOf } = service
    for (const version of ['1.10.0', 'v1.2.0', '2.0.0-beta1', 'dev-main', 'dev-a%2Fb', '1.x-dev']) {
      assert.is((await put(`own/log/${version}`, packageZip(log, version))).status, 201, version)
    }
    assert.equal(await served('own/log'), ['2.0.0-beta1', '1.10.0', 'v1.2.0', '1.0.0'])
    assert.equal(await served('own/log', 'branches'), ['1.x-dev', 'dev-a/b', 'dev-main'])
    const events = await publications(service)
    const event = events.find(({ data }) => data.version === 'v1.2.0')
    if (event?.type !== 'PrivateVersionPublished') throw new Error('it was not published')
    const versions = await versionsOf('own/log', event.data.documentSha256)
    const version = versions.find((each) => each['version'] === 'v1.2.0')
    assert.equal(
      { ...version },
      {
        name: 'own/log',
        description: 'Logs',
        version: 'v1.2.0',
        version_normalized: '1.2.0.0',
        dist: {
          type: 'zip',
          url: '/dist-proxy/%package%/%version%/%reference%.zip',
          reference: event.data.sha256,
          shasum: event.data.sha1,
        },
        type: 'library',
        time: '2026-06-01T00:00:00+00:00',
        'published-time': '2026-06-01T00:00:00+00:00',
        require: { php: '>=8.1' },
      },
    )
  })

  test('again with the same zip changes nothing and records nothing', async (service) => {
    const { put, clock } = service
    const first = await put('own/log/3.0.0', packageZip(log, '3'))
    const before = (await publications(service)).length
    clock.advance(3600)
    const again = await put('own/log/v3.0', packageZip(log, '3'))
    assert.is(again.status, 200)
    assert.equal(again.version, { ...first.version, outcome: 'unchanged' })
    assert.is((await publications(service)).length, before)
  })

  test('with another zip is refused, whatever the version is written like', async ({ put }) => {
    assert.is((await put('own/log/4.0.0', packageZip(log, '4'))).status, 201)
    for (const version of ['4.0.0', 'v4', '4.0']) {
      const { status, problem } = await put(`own/log/${version}`, packageZip(log, 'other'))
      assert.is(status, 409)
      assert.is(problem.code, 'version_exists')
      assert.match(problem.detail, 'own/log 4.0.0 was published with other bytes')
    }
  })

  test('moves a branch, whose former archive stays', async (service) => {
    const { put, blobs, served, show } = service
    const json = { name: 'own/branchy' }
    const outcomes: PublishedAnswer[] = []
    for (const content of ['a', 'b', 'b', 'a']) {
      outcomes.push((await put('own/branchy/dev-main', packageZip(json, content))).version)
    }
    assert.equal(
      outcomes.map(({ outcome }) => outcome),
      ['published', 'moved', 'unchanged', 'moved'],
    )
    for (const { reference } of outcomes) {
      assert.ok((await blobs.find(Sha256.parse(reference))) !== undefined)
    }
    assert.equal(await served('own/branchy', 'branches'), ['dev-main'])
    assert.equal(await show('own/branchy'), ['dev-main served', 'dev-main moved_on'])
  })

  test('takes a composer.json from the single top directory', async ({ put }) => {
    const tree = [{ path: 'composer.json', content: JSON.stringify({ name: 'own/ball' }) }]
    assert.is((await put('own/ball/1.0.0', zipball('own-ball-abc', tree))).status, 201)
  })

  test('is an event that says who and for which request', async (service) => {
    const headers = { 'x-request-id': 'build-4711' }
    await service.put('own/audit/1.0.0', packageZip({ name: 'own/audit' }), { headers })
    const event = (await publications(service)).at(-1)
    assert.is(event?.stream, 'private-own/audit')
    assert.equal([event?.data.actor, event?.data.requestId], ['admin', 'build-4711'])
  })
})

describe('withdrawing a version', openPublishing, (test) => {
  test('takes it out of the document, keeps the archive, and records it once', async (service) => {
    const { put, remove, served, show, blobs } = service
    const { version } = await put('own/log/1.0.0', packageZip(log))
    await put('own/log/1.1.0', packageZip(log, 'next'))
    for (const times of [1, 2]) {
      const { status, body } = await remove('own/log/1.0', { reason: 'wrong prices' })
      assert.is(status, 200, `${times}`)
      assert.equal(body, { ...withoutOutcome(version), withdrawn: true })
    }
    assert.equal(await served('own/log'), ['1.1.0'])
    assert.equal(await show('own/log'), ['1.1.0 served', '1.0.0 withdrawn'])
    assert.ok((await blobs.find(Sha256.parse(version.reference))) !== undefined)
    const withdrawals = (await publications(service)).filter(
      ({ type }) => type === 'PrivateVersionWithdrawn',
    )
    assert.equal(
      withdrawals.map(({ data }) => data.reason),
      ['wrong prices'],
    )
  })

  test('lets the same zip be published again, and no other', async ({ put, served }) => {
    const other = await put('own/log/1.0.0', packageZip(log, 'other'))
    assert.is(other.problem.code, 'version_exists')
    const same = await put('own/log/1.0.0', packageZip(log))
    assert.equal([same.status, same.version.outcome], [201, 'published'])
    assert.equal(await served('own/log'), ['1.1.0', '1.0.0'])
  })

  test('of a branch leaves none', async ({ put, remove, served, show }) => {
    await put('own/branchy/dev-main', packageZip({ name: 'own/branchy' }))
    await put('own/branchy/dev-main', packageZip({ name: 'own/branchy' }, 'later'))
    assert.is((await remove('own/branchy/dev-main')).status, 200)
    assert.equal(await served('own/branchy', 'branches'), [])
    assert.equal(await show('own/branchy'), ['dev-main withdrawn', 'dev-main moved_on'])
    const again = await put('own/branchy/dev-main', packageZip({ name: 'own/branchy' }, 'last'))
    assert.equal([again.status, again.version.outcome], [201, 'published'])
  })

  test('of what never was is 404 and says so', async ({ remove, api }) => {
    for (const [path, code] of [
      ['own/log/9.0.0', 'version_not_found'],
      ['own/log/nonsense', 'version_not_found'],
      ['own/never/1.0.0', 'package_not_found'],
      ['Own/Log/1.0.0', 'package_not_found'],
    ] as const) {
      const { status, body } = await remove(path)
      assert.equal([status, (body as { code: string }).code], [404, code], path)
    }
    assert.is((await api('GET', '/api/v1/packages/own/never')).status, 404)
  })
})

describe('the list of packages', openPublishing, (test) => {
  test('has each, with how many versions are served', async ({ api, put, remove, clock }) => {
    await put('own/log/1.0.0', packageZip(log))
    await put('own/log/1.1.0', packageZip(log, '1'))
    await remove('own/log/1.0.0')
    await put('own-b/z/1.0.0', packageZip({ name: 'own-b/z' }))
    const { body } = await api('GET', '/api/v1/packages')
    assert.equal(body, {
      packages: [
        { package: 'own-b/z', versions: 1, lastPublishedAt: clock.now() },
        { package: 'own/log', versions: 1, lastPublishedAt: clock.now() },
      ],
    })
  })
})

describe('a vendor with public packages', openPublishing, (test) => {
  test('has to be claimed once, and is ours from then on', async (service) => {
    const { get, put } = service
    await get('/p2/acme/log.json')
    const body = packageZip({ name: 'acme/own' })
    const refused = await put('acme/own/1.0.0', body)
    assert.equal([refused.status, refused.problem.code], [409, 'vendor_is_public'])
    assert.match(refused.problem.detail, '?claim=true')
    assert.is((await put('acme/own/1.0.0?claim=true', body)).status, 201)
    assert.is((await put('acme/own/1.1.0', packageZip({ name: 'acme/own' }, '1'))).status, 201)
    const claims = (await publications(service)).map(({ data }) => 'claimed' in data)
    assert.equal(claims, [true, false])
  })

  test('needs no claim when PRIVATE_VENDORS has it, or nobody asked for its packages', async (service) => {
    const { get, put, restart } = service
    await get('/p2/beta/text.json')
    assert.is((await put('beta/own/1.0.0', packageZip({ name: 'beta/own' }))).status, 409)
    await restart({ PRIVATE_VENDORS: 'bet*' })
    assert.is((await put('beta/own/1.0.0', packageZip({ name: 'beta/own' }))).status, 201)
    assert.is((await put('bet/own/1.0.0', packageZip({ name: 'bet/own' }))).status, 201)
  })
})

function withoutOutcome({ outcome: _outcome, warnings: _warnings, ...version }: PublishedAnswer) {
  return version
}
