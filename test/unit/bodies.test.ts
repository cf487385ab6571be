import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { PackageName } from '../../src/composer/names.ts'
import { rewriteDists } from '../../src/composer/rewrite-dists.ts'
import { createDigestion, type Digest } from '../../src/digestion/digestion.ts'
import { createEncodedBodies } from '../../src/http/composer/document.ts'
import { bodyKey, createBodies } from '../../src/metadata/bodies.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { instantFromMs } from '../../src/time-machine/instant.ts'
import { reconstructDocument } from '../../src/time-machine/reconstruct.ts'
import { describe } from '../support/suite.ts'

const packageName = PackageName.parse('acme/log')
const day = 86_400_000
const begin = Date.UTC(2025, 0, 1)

const { digest } = createDigestion()
const publicUrl = 'https://proxy.test'

function listOf(name: PackageName, daysPublished: readonly number[]) {
  const versions = daysPublished.map((published, index) => ({
    version: `1.${index}.0`,
    time: new Date(begin + published * day).toISOString(),
    dist: { type: 'zip', url: 'https://dist.test/a.zip', reference: 'a'.repeat(40) },
  }))
  return { [name]: versions }
}

function documentOf(daysPublished: readonly number[]): Buffer {
  return Buffer.from(JSON.stringify({ packages: listOf(packageName, daysPublished) }))
}

describe(
  'bodies of the past',
  async () => ({}),
  (test) => {
    test('are the reconstruction of every instant, with no more names than versions', async () => {
      const days = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 8 })
      const asked = fc.array(fc.integer({ min: -day, max: 31 * day }), {
        minLength: 1,
        maxLength: 40,
      })
      await fc.assert(
        fc.asyncProperty(days, asked, async (published, offsets) => {
          const bytes = documentOf(published)
          const bodies = createBodies({ snapshot: async () => bytes, digest, publicUrl })
          const keys = new Set<string>()
          for (const offset of offsets) {
            const at = instantFromMs(begin + offset)
            const name = await bodies.asOf(sha256Of(bytes), packageName, at)
            keys.add(bodyKey(name))
            assert.ok((await bodies.read(name)).equals(reconstructDocument(bytes, packageName, at)))
          }
          assert.ok(keys.size <= new Set(published).size + 1)
        }),
        { numRuns: 50 },
      )
    })

    test('and of the present are rewritten last, and then have another name', async () => {
      const bytes = documentOf([0, 10])
      const bodies = createBodies({ snapshot: async () => bytes, digest, publicUrl })
      const sha256 = sha256Of(bytes)
      const past = await bodies.asOf(sha256, packageName, instantFromMs(begin + day))
      const keys = new Set<string>()
      for (const name of [past, { sha256, reconstructed: undefined }]) {
        const plain = await bodies.read(name)
        const own = { ...name, rewrittenFor: packageName }
        const rewritten = rewriteDists(plain, packageName, publicUrl)
        assert.ok((await bodies.read(own)).equals(rewritten))
        assert.match(rewritten.toString(), publicUrl)
        keys.add(bodyKey(name)).add(bodyKey(own))
      }
      assert.is(keys.size, 4)
    })

    test('lack what is blocked before they are rewritten, and have a name for each list', async () => {
      const bytes = documentOf([0, 10])
      const bodies = createBodies({ snapshot: async () => bytes, digest, publicUrl })
      const rule = { list: 'own', constraint: '1.1.0', reason: null } as const
      const keys = new Set<string>()
      for (const rules of [[rule], [{ ...rule, reason: 'bad' }], [rule, rule]]) {
        const name = {
          sha256: sha256Of(bytes),
          reconstructed: undefined,
          ruled: { otherLists: undefined, packageName, rules },
          rewrittenFor: packageName,
        }
        const text = (await bodies.read(name)).toString()
        assert.match(text, publicUrl)
        assert.match(text, '"version":"1.0.0"')
        assert.not.match(text, '"version":"1.1.0"')
        keys.add(bodyKey(name))
      }
      assert.is(keys.size, 3)
    })

    test('have another name for each package that the bytes were recorded for', async () => {
      const other = PackageName.parse('acme/other')
      const packages = { ...listOf(packageName, [0]), ...listOf(other, [0, 10]) }
      const bytes = Buffer.from(JSON.stringify({ packages }))
      const sha256 = sha256Of(bytes)
      const bodies = createBodies({ snapshot: async () => bytes, digest, publicUrl })
      const at = instantFromMs(begin + 20 * day)
      const rules = [{ list: 'own', constraint: '2.0.0', reason: null }] as const
      const keys = new Set<string>()
      for (const name of [packageName, other]) {
        const reconstructed = await bodies.asOf(sha256, name, at)
        const made = (await bodies.read(reconstructed)).toString()
        assert.ok(made === reconstructDocument(bytes, name, at).toString(), name)
        keys.add(bodyKey(reconstructed))
        keys.add(
          bodyKey({
            sha256,
            reconstructed: undefined,
            ruled: { packageName: name, rules, otherLists: {} },
          }),
        )
      }
      assert.is(keys.size, 4)
    })

    test('are rewritten once for all who want them', async () => {
      const bytes = documentOf([0, 10])
      let times = 0
      const counting: Digest = async (...asked) => {
        times += 1
        return await digest(...asked)
      }
      const bodies = createBodies({ snapshot: async () => bytes, digest: counting, publicUrl })
      const encoded = createEncodedBodies(bodies.read, bodyKey)
      const name = {
        sha256: sha256Of(bytes),
        reconstructed: undefined,
        rewrittenFor: packageName,
      } as const
      await Promise.all(Array.from({ length: 20 }, async () => await encoded(name)))
      await encoded(name)
      assert.is(times, 1)
    })
  },
)
