import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { times } from '../support/long.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const name = 'acme/log'
const pins = ['/at/2024-12-01', '/at/2025-06-01', '/at/2025-12-01']

const move = fc.record({
  what: fc.constantFrom('list', 'clear', 'block', 'unblock', 'freeze', 'unfreeze', 'age'),
  version: fc.constantFrom('1.0.0', '1.1.0', '2.0.0', '2.1.0'),
})
type Move = typeof move extends fc.Arbitrary<infer Value> ? Value : never

/** What the rules say today: by upstream's list, and by the operator. */
interface Rules {
  readonly listed: Set<string>
  readonly blocked: Set<string>
}

async function play(service: Service, { listed, blocked }: Rules, { what, version }: Move) {
  const { upstream, api, clock, get } = service
  const ask = async (path: string, json: object) => {
    const { status } = await api('POST', `/api/v1/proxy/${path}`, { json })
    assert.ok(status < 500, `${path}: ${status}`)
  }
  if (what === 'list') {
    upstream.flagMalware(name, version, 'summary')
    listed.add(version)
  } else if (what === 'clear') {
    upstream.clearMalware(name)
    listed.clear()
  } else if (what === 'block') {
    await ask('block', { package: name, constraint: version })
    blocked.add(version)
  } else if (what === 'unblock') {
    await ask('unblock', { package: name, constraint: version })
    blocked.delete(version)
  } else if (what === 'freeze') await ask(`freeze/${name}`, { at: '2025-06-01' })
  else if (what === 'unfreeze') await ask(`unfreeze/${name}`, {})
  else {
    clock.advance(3600)
    await get(`/p2/${name}.json`)
  }
}

interface Sent {
  readonly packages: Readonly<Record<string, readonly { readonly version: string }[]>>
  readonly filter?: { readonly malware?: readonly { readonly constraint: string }[] }
}

async function refusedAt({ get }: Service, path: string) {
  const { statusCode, body } = await get(path)
  assert.is(statusCode, 200, path)
  const { packages, filter } = JSON.parse(body.toString()) as Sent
  const constraints = filter?.malware?.flatMap(({ constraint }) => constraint.split('|')) ?? []
  return { refused: new Set(constraints), given: packages[name]?.map(({ version }) => version) }
}

async function summarised({ get }: Service): Promise<ReadonlySet<string>> {
  const { body } = await get('/lists/all/summary.json')
  const { filter } = JSON.parse(body.toString()) as {
    readonly filter: { readonly malware: Readonly<Record<string, string>> }
  }
  return new Set(filter.malware[name]?.split('|'))
}

for (const mode of ['mirror', 'rewrite']) {
  const open = async () => await startService({ settings: { PROXY_DIST_MODE: mode } })
  describe(`what is refused, ${mode}`, open, (test) => {
    test('is what the rules say today, whatever they and freezes were, at every URL', async (service) => {
      const rules: Rules = { listed: new Set(), blocked: new Set() }
      await fc.assert(
        fc.asyncProperty(fc.array(move, { minLength: 3, maxLength: 8 }), async (history) => {
          for (const each of history) {
            await play(service, rules, each)
            service.clock.advance(60)
            await service.runJob('malware lists')
            const today = new Set([...rules.listed, ...rules.blocked])
            for (const under of ['', ...pins]) {
              const { refused, given = [] } = await refusedAt(service, `${under}/p2/${name}.json`)
              assert.equal([...refused].toSorted(), [...today].toSorted(), under)
              assert.equal(
                given.filter((version) => today.has(version)),
                [],
                under,
              )
            }
            assert.equal([...(await summarised(service))].toSorted(), [...today].toSorted())
          }
        }),
        { numRuns: times(2, 18), endOnFailure: true },
      )
    })
  })
}
