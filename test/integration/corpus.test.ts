import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { type PackageDocument, parseDocument } from '../../src/composer/document.ts'
import { isJsonObject } from '../../src/composer/minify.ts'
import { filledIn, referenceToken, versionToken } from '../../src/composer/mirror-tokens.ts'
import { DocumentName, packageOfDocument, rootDocument } from '../../src/composer/names.ts'
import { rewriteDists } from '../../src/composer/rewrite-dists.ts'
import { openDatabase } from '../../src/database/client.ts'
import type { Sha256 } from '../../src/events/types.ts'
import { inspectBody } from '../../src/metadata/inspect.ts'
import { createSnapshotStore } from '../../src/snapshots/store.ts'
import { times } from '../support/long.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { describe, skipSuite } from '../support/suite.ts'

const corpus = new URL('../../../shared/corpus/', import.meta.url)
const Line = z.object({ doc: z.string(), name: z.string() })

/**
 * By name, then by date: successive lines of a name are successive states of one document. Of all names
 * `npm test` takes every eighth.
 */
async function readIndex(): Promise<readonly z.infer<typeof Line>[]> {
  const index = await readFile(new URL('index.jsonl', corpus), 'utf8')
  const lines = index
    .trim()
    .split('\n')
    .map((line) => Line.parse(JSON.parse(line)))
  const names = [...new Set(lines.map(({ name }) => name))]
  const taken = new Set(names.filter((_, nth) => nth % times(8, 1) === 0))
  return lines.filter(({ name }) => taken.has(name))
}

async function readBody(doc: string): Promise<Buffer> {
  const bytes = await readFile(new URL(`docs/${doc}.json.gz`, corpus))
  return bytes[0] === 0x1f ? gunzipSync(bytes) : bytes
}

/** The name that the document itself gives: file names of caches have "-" for "_". */
function documentOf(body: Buffer, isBranches: boolean): DocumentName {
  const { packages = {} } = JSON.parse(body.toString()) as { packages?: object } // real metadata has it
  const [name] = Object.keys(packages)
  if (name === undefined) return rootDocument
  return DocumentName.parse(isBranches ? `${name}~dev` : name)
}

async function open() {
  const database = await createTestDatabase()
  const { db } = openDatabase({ connectionString: database.url, logger: pino({ level: 'silent' }) })
  return {
    db,
    async close() {
      await db.destroy()
      await database.close()
    },
  }
}

if (!existsSync(corpus)) {
  skipSuite('real documents', 'the recorded documents are not here')
} else {
  describe('real documents', open, (test) => {
    test('none is refused, and each comes back byte for byte', async ({ db }) => {
      const lines = await readIndex()
      assert.ok(lines.length > times(200, 2_000))
      const store = createSnapshotStore(db)
      const kept: { readonly sha256: Sha256; readonly doc: string }[] = []
      let before: { readonly name: string; readonly sha256: Sha256 } | undefined
      for (const { doc, name } of lines) {
        const body = await readBody(doc)
        const inspected = inspectBody(documentOf(body, name.includes('~dev')), body)
        assert.ok(inspected.ok, `${doc}: ${inspected.ok ? '' : inspected.problem}`)
        assert.equal(inspected.rejected, [], doc)
        assert.is(inspected.body, body, doc)
        const sha256 = await store.put(body, before?.name === name ? before.sha256 : undefined)
        before = { name, sha256 }
        kept.push({ sha256, doc })
      }
      const cold = createSnapshotStore(db)
      for (const { sha256, doc } of kept) {
        assert.ok((await cold.get(sha256)).equals(await readBody(doc)), doc)
      }
    })

    test('each can be rewritten, and then is the same but for where archives are', async () => {
      let dists = 0
      for (const { doc, name } of await readIndex()) {
        const body = await readBody(doc)
        const about = packageOfDocument(documentOf(body, name.includes('~dev')))
        if (about === undefined) continue
        const before = parseDocument(body, about.packageName)
        const written = rewriteDists(body, about.packageName, 'https://proxy.test')
        const after = parseDocument(written, about.packageName)
        assert.ok(before.ok && after.ok, doc)
        assert.is(after.document.minified, before.document.minified, doc)
        assert.is(withoutUrls(after.document), withoutUrls(before.document), doc)
        for (const { dist, version_normalized: normalized } of after.document.versions) {
          if (!isJsonObject(dist)) continue
          dists += 1
          const { type, url, reference } = dist as Readonly<Record<string, string>> // real ones
          const filled = filledIn(String(url).replace(/\?sha1=.*/, ''), {
            package: about.packageName,
            version: versionToken(String(normalized)),
            reference: referenceToken(reference),
            type: String(type),
            prettyVersion: '',
          })
          const place = `${versionToken(String(normalized))}/${referenceToken(reference)}.${type}`
          assert.is(filled, `https://proxy.test/dist-proxy/${about.packageName}/${place}`, doc)
        }
      }
      assert.ok(dists > times(10_000, 200_000), `${dists} dists`)
    })
  })
}

/** The order of a version's keys doesn't count. */
function withoutUrls({ top, versions }: PackageDocument): string {
  const kept = versions.map(({ dist, ...version }) => {
    const archive = isJsonObject(dist) ? { ...dist, url: '' } : dist
    return Object.entries({ ...version, dist: archive }).toSorted(([one], [other]) =>
      one < other ? -1 : 1,
    )
  })
  return JSON.stringify([{ ...top, packages: {} }, kept])
}
