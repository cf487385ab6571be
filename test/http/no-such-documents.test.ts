import * as assert from 'uvu/assert'
import { change, eventsFor, pass, poll, withFeed } from '../support/feed.ts'
import {
  brokenDocuments,
  emptyDocuments,
  noSuchDocuments,
  type SentInstead,
} from '../support/no-such-documents.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const name = 'acme/log'
const log = '/p2/acme/log.json'

/** Until it is cleared, upstream sends this of the package. */
function send({ upstream }: Service, packageName: string, { body }: SentInstead): () => void {
  const match = new RegExp(`^/p2/${packageName}[.]json`)
  return upstream.fail({ match, mode: 'own-words', status: 200, body: body(packageName) })
}

async function lastEvent(service: Service, document: string): Promise<unknown> {
  const { type, data } = (await eventsFor(service, document)).at(-1) ?? {}
  return { type, ...data }
}

describe('a document that Composer finds nothing of the package in', startService, (test) => {
  for (const [index, form] of noSuchDocuments.entries()) {
    test(`${form.title}: is 404 of a name that was never seen, and recorded as that`, async (service) => {
      const packageName = `made/form-${index}`
      const clear = send(service, packageName, form)
      const answer = await service.get(`/p2/${packageName}.json`)
      assert.equal([answer.statusCode, answer.headers['cache-control']], [404, 'no-store'])
      assert.equal(await lastEvent(service, packageName), {
        type: 'MetadataMissing',
        document: packageName,
        status: 200,
        fetchedAt: service.clock.now(),
      })
      clear()
    })

    test(`${form.title}: of a package that was there, isn't believed before the third time`, async (service) => {
      const { get, clock } = service
      const good = await get(log)
      const clear = send(service, name, form)
      for (const seconds of [3600, 600]) {
        clock.advance(seconds)
        const again = await get(log)
        assert.is(again.statusCode, 200)
        assert.ok(again.body.equals(good.body))
        assert.is(again.headers['warning'], undefined, 'upstream has answered')
      }
      clock.advance(600)
      assert.is((await get(log)).statusCode, 404, '20 minutes after the first')
      clear()
      clock.advance(60)
      assert.ok((await get(log)).body.equals(good.body), 'and comes back')
    })
  }
})

describe('a document that Composer fails at', startService, (test) => {
  for (const [index, form] of brokenDocuments.entries()) {
    test(`${form.title}: is 503 of a name that was never seen, and else the last good one`, async (service) => {
      const { get, clock } = service
      const good = await get(log)
      const clears = [name, `made/form-${index}`].map((each) => send(service, each, form))
      clock.advance(3600)
      const stale = await get(log)
      assert.match(stale.headers['warning'] ?? '', /^110 /)
      assert.ok(stale.body.equals(good.body))
      assert.is((await get(`/p2/made/form-${index}.json`)).statusCode, 503)
      for (const clear of clears) clear()
      clock.advance(60)
    })
  }
})

describe('a document without versions', startService, (test) => {
  for (const form of emptyDocuments) {
    test(`${form.title}: is served as it is`, async (service) => {
      const clear = send(service, name, form)
      service.clock.advance(3600)
      const { statusCode, body } = await service.get(log)
      assert.equal([statusCode, body.toString()], [200, form.body(name)])
      clear()
    })
  }
})

describe('a package that the change feed says is deleted', withFeed(), (test) => {
  test('is gone by one document without it', async (service) => {
    const { get, upstream } = service
    await poll(service)
    await get(log)
    pass(service, 60)
    await poll(service)
    change(service, () => upstream.deletePackage(name))
    send(service, name, { title: 'no packages', body: () => '{"packages":[]}' })
    pass(service, 60)
    await poll(service)
    assert.is((await get(log)).statusCode, 404)
  })
})

/** Documents of so many other packages, each with a name of 75 bytes. */
function ofOthers(count: number): SentInstead {
  const names = Array.from({ length: count }, (_, index) => `acme/other-${index}`.padEnd(75, '-'))
  const packages = Object.fromEntries(names.map((each) => [each, []]))
  return { title: `${count} others`, body: () => JSON.stringify({ packages }) }
}

describe('a large document of other packages', startService, (test) => {
  const cases = [
    { count: 90_000, unknown: 404, about: 'within the limits is no such package' },
    { count: 125_000, unknown: 503, about: 'past that of the size is refused' },
  ] as const
  for (const { count, unknown, about } of cases) {
    test(about, async (service) => {
      const { get, clock } = service
      const good = await get(log)
      const clears = [name, `made/up-${count}`].map((each) => send(service, each, ofOthers(count)))
      clock.advance(3600)
      assert.ok((await get(log)).body.equals(good.body))
      assert.is((await get(`/p2/made/up-${count}.json`)).statusCode, unknown)
      for (const clear of clears) clear()
      clock.advance(60)
    })
  }
})
