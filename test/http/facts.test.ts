import * as assert from 'uvu/assert'
import { startService, type Service } from '../support/service.ts'
import { describe } from '../support/suite.ts'

async function factsOf({ events }: Service, name: string): Promise<readonly unknown[]> {
  const about = (await events()).filter(({ stream }) => stream === `document-${name}`)
  return about.map(({ type, data }) => {
    if (type === 'ReferenceMoved') return [type, data.version, data.from, data.to]
    if (type === 'VersionWithdrawn') return [type, data.version]
    return [type]
  })
}

describe('what changes upstream mean', startService, (test) => {
  test('a moved tag and a withdrawn version are recorded beside the change', async (service) => {
    const { get, upstream, clock } = service
    const path = '/p2/beta/text.json'
    const before = (await get(path)).body.toString()
    const to = upstream.moveTag('beta/text', '1.0.1')
    upstream.withdraw('beta/text', '1.1.0')
    clock.advance(3600)
    await get(path)
    const [, from] = /"version":"1\.0\.1".*?"reference":"([0-9a-f]{40})"/.exec(before) ?? []
    assert.equal(await factsOf(service, 'beta/text'), [
      ['MetadataChanged'],
      ['MetadataChanged'],
      ['VersionWithdrawn', '1.1.0'],
      ['ReferenceMoved', '1.0.1', from, to],
    ])
    clock.advance(3600)
    assert.is((await get(path)).statusCode, 200)
    assert.is((await factsOf(service, 'beta/text')).length, 5, 'the next fetch goes on from there')
  })

  test('commits on a branch are changes and nothing else', async (service) => {
    const { get, upstream, clock } = service
    await get('/p2/beta/edge~dev.json')
    upstream.pushCommit('beta/edge', 'main')
    clock.advance(3600)
    await get('/p2/beta/edge~dev.json')
    const facts = [['MetadataChanged'], ['MetadataChanged']]
    assert.equal(await factsOf(service, 'beta/edge~dev'), facts)
  })

  test('one version that Composer could not load costs the others nothing', async (service) => {
    const { get, upstream, clock } = service
    await get('/p2/acme/mailer.json')
    // A constraint that is a number: Composer refuses the whole document for it.
    upstream.publish('acme/mailer', '6.6.6', { require: { php: 7 as unknown as string } }) // the fault
    clock.advance(3600)
    const answer = await get('/p2/acme/mailer.json')
    assert.is(answer.statusCode, 200)
    assert.match(answer.body.toString(), '"1.1.0"')
    assert.not.match(answer.body.toString(), '6.6.6')
    const last = (await service.events()).at(-1)
    assert.match(JSON.stringify(last?.data), /"rejectedVersions":\[\{"version":".*6\.6\.6/)
  })
})

const lines: string[] = []

describe(
  'what somebody should look at',
  async () => await startService({ onLogLine: (line) => lines.push(line) }),
  (test) => {
    const alerts = () => [...lines.join('').matchAll(/"alert":"(\w+)"/g)].map(([, alert]) => alert)

    test('is said in the log with a word for it', async ({ get, upstream, clock }) => {
      await get('/p2/beta/text.json')
      upstream.moveTag('beta/text', '1.0.1')
      upstream.withdraw('beta/text', '1.1.0')
      clock.advance(3600)
      await get('/p2/beta/text.json')
      assert.equal(alerts(), ['version_withdrawn', 'reference_moved'])
      const clear = upstream.fail({ match: /beta\/text/, mode: 'html' })
      clock.advance(3600)
      assert.is((await get('/p2/beta/text.json')).statusCode, 200)
      clear()
      assert.is(alerts().at(-1), 'document_refused')
    })
  },
)
