import { times } from '../support/long.ts'
import { sourcesOf } from '../support/sources.ts'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { privatePackage } from '../../projections/private-package.ts'
import { publishableVersion } from '../../src/composer/published-version.ts'
import { isBranch } from '../../src/composer/versions.ts'
import { rebuild } from '../../src/projector/rebuild.ts'
import { askApiAt } from '../support/api.ts'
import {
  dumpPrivate,
  openPublishing,
  packageZip,
  publications,
  putTo,
} from '../support/publishing.ts'
import { describe } from '../support/suite.ts'

type Step =
  | { readonly kind: 'publish'; readonly version: string; readonly content: number }
  | { readonly kind: 'withdraw'; readonly version: string }

const version = fc.constantFrom(
  '1.0.0',
  'v1',
  '1.1.0',
  '2.0.0-beta1',
  'dev-main',
  'dev-x%2Fy',
  '1.x-dev',
)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('publish'), version, content: fc.nat(2) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('withdraw'), version }) },
)

/** What a package must look like: by normalized version, what is served and what was published last. */
type Model = Map<string, { served: number | undefined; last: number; name: string }>

/** Takes a step, and returns the status that the answer must have. */
function expected(model: Model, taken: Step): number {
  const name = decodeURIComponent(taken.version)
  const normalized = publishableVersion(name) ?? ''
  const known = model.get(normalized)
  if (taken.kind === 'withdraw') {
    if (known === undefined) return 404
    known.served = undefined
    return 200
  }
  const { content } = taken
  if (known?.served === content) return 200
  if (known !== undefined && !isBranch(normalized) && known.last !== content) return 409
  model.set(normalized, { served: content, last: content, name })
  return 201
}

let packages = 0

describe('any sequence of publications and withdrawals', openPublishing, (test) => {
  test('leaves what its last steps say, and every document before as it was', async (service) => {
    const { put, remove, versionsOf, served } = service
    const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      packages += 1
      const name = `own/p${packages}`
      const model: Model = new Map()
      const before: { readonly names: unknown; readonly kind: 'branches' | undefined }[] = []
      for (const taken of steps) {
        const path = `${name}/${taken.version}`
        const status = expected(model, taken)
        const answer =
          taken.kind === 'withdraw'
            ? await remove(path)
            : await put(path, packageZip({ name }, String(taken.content)))
        assert.is(answer.status, status, `${JSON.stringify(steps)} at ${JSON.stringify(taken)}`)
        const kind = isBranch(publishableVersion(decodeURIComponent(taken.version)) ?? '')
          ? 'branches'
          : undefined
        const names = [...model]
          .filter(([normalized, { served: content }]) => {
            return content !== undefined && isBranch(normalized) === (kind !== undefined)
          })
          .map(([, { name: asPublished }]) => asPublished)
        assert.equal((await served(name, kind)).map(String).toSorted(), names.toSorted())
        const count = (await publications(service)).filter(({ data }) => data.packageName === name)
        if (count.length > before.length) before.push({ names: names.toSorted(), kind })
      }
      const events = (await publications(service)).filter(({ data }) => data.packageName === name)
      assert.is(events.length, before.length)
      for (const [index, { data }] of events.entries()) {
        const versions = await versionsOf(name, data.documentSha256)
        const names = versions.map((each) => String(each['version']))
        assert.equal(names.toSorted(), before[index]?.names)
      }
    })
    await fc.assert(property, { numRuns: times(8, 75) })
  })

  test('makes the same read models when they are built anew', async (service) => {
    const { database, log } = service
    const once = await dumpPrivate(service)
    const sources = sourcesOf()
    await rebuild({ db: database.db, log, projection: privatePackage, sources })
    assert.equal(await dumpPrivate(service), once)
  })
})

describe('publishing on two nodes at once', openPublishing, (test) => {
  test('brings every version into the document', async (service) => {
    const other = await service.startNode()
    const url = new URL((await other('/livez')).url).origin
    const nodes = [service.put, putTo({ api: askApiAt(url) })]
    const versions = Array.from({ length: 8 }, (_, index) => `1.${index}.0`)
    const answers = await Promise.all(
      versions.map(async (each, index) => {
        const put = nodes[index % 2] ?? service.put
        return await put(`own/log/${each}`, packageZip({ name: 'own/log' }, each))
      }),
    )
    assert.equal(
      answers.map(({ status }) => status),
      versions.map(() => 201),
    )
    assert.equal(await service.served('own/log'), versions.toReversed())
  })

  test('of the same version lets one have it', async (service) => {
    const put = async (content: string) =>
      await service.put('own/log/9.0.0', packageZip({ name: 'own/log' }, content))
    const answers = await Promise.all(['a', 'b', 'a', 'b'].map(put))
    const statuses = answers.map(({ status }) => status).toSorted((one, two) => one - two)
    assert.equal(statuses, [200, 201, 409, 409])
  })
})
