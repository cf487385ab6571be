import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { problemOfComposerJson } from '../../src/composer/composer-json.ts'
import { withVersion } from '../../src/composer/own-document.ts'
import { problemOfPublished, publishedVersion } from '../../src/composer/published-version.ts'
import { rewriteDists } from '../../src/composer/rewrite-dists.ts'
import { isBranch } from '../../src/composer/versions.ts'
import type { Sha256 } from '../../src/events/types.ts'
import { createSnapshotStore } from '../../src/snapshots/store.ts'
import { composerProject } from '../support/composer.ts'
import { packageName, publication, whole } from '../support/composer-json.ts'
import { forEachComposer } from '../support/every-composer.ts'
import { freePort } from '../support/free-port.ts'
import { openPublishing, packageZip, publications } from '../support/publishing.ts'

/** A repository of files in memory, by their paths. */
async function startRepository() {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const files = new Map<string, Buffer>([
    ['/packages.json', Buffer.from(`{"packages": [], "metadata-url": "${url}/p2/%package%.json"}`)],
  ])
  const server = createServer((request, response) => {
    const body = files.get(request.url ?? '')
    response.statusCode = body === undefined ? 404 : 200
    response.end(body)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url,
    files,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function open() {
  const service = await openPublishing()
  const repository = await startRepository()
  const snapshots = createSnapshotStore(service.database.db)
  /** What was published, as this proxy serves documents and archives. */
  async function expose(): Promise<void> {
    for (const event of await publications(service)) {
      const { data } = event
      const suffix = isBranch(data.versionNormalized) ? '~dev' : ''
      const body = await snapshots.get(data.documentSha256)
      const rendered = rewriteDists(body, data.packageName, repository.url)
      repository.files.set(`/p2/${data.packageName}${suffix}.json`, rendered)
      if (event.type === 'PrivateVersionPublished') await exposeArchive(event.data)
    }
  }
  async function exposeArchive(data: {
    readonly packageName: string
    readonly versionNormalized: string
    readonly sha256: Sha256
  }): Promise<void> {
    const blob = await service.blobs.find(data.sha256)
    if (blob === undefined) throw new Error('a published archive is gone')
    const file = `/dist-proxy/${data.packageName}/${data.versionNormalized}/${data.sha256}.zip`
    repository.files.set(file, await buffer(blob.bytes()))
  }
  return {
    ...service,
    repository,
    expose,
    close: async () => {
      await repository.close()
      await service.close()
    },
  }
}

forEachComposer('published packages', open, (test, { run }) => {
  test('are installed from what was published', async ({ put, repository, expose }) => {
    const plugin = { ...whole, type: 'library', require: { 'own/base': 'self.version' } }
    const { bin: _bin, conflict: _conflict, ...json } = plugin
    for (const each of ['1.0.0', '1.1.0']) {
      assert.is((await put(`own/base/${each}`, packageZip({ name: 'own/base' }))).status, 201)
      const answer = await put(`own/log/${each}`, packageZip(json, each))
      assert.is(answer.status, 201, JSON.stringify(answer.body))
    }
    assert.is((await put('own/log/dev-main', packageZip(json, 'main'))).status, 201)
    await expose()
    const project = composerProject({
      repository: repository.url,
      require: { 'own/log': '^1.0' },
      extra: { config: { 'secure-http': false, platform: { php: '8.3.0' } } },
    })
    try {
      const { directory } = project
      const { code, output } = await run(['update', '--no-autoloader'], project)
      assert.is(code, 0, output)
      const names = project.locked().map((each) => each.split('#')[0])
      assert.equal(names, ['own/base@1.1.0', 'own/log@1.1.0'])
      assert.ok(existsSync(path.join(directory, 'vendor/own/log/src/Log.php')))
    } finally {
      project.remove()
    }
  })

  test('are all loaded, whatever their composer.json says that is taken', async (world) => {
    const { repository } = world
    let body = withVersion(undefined, packageName, publishedVersion({}, publication))
    let count = 0
    for (const json of fc.sample(composerJson, { numRuns: 3_000, seed: 1 })) {
      if (problemOfComposerJson(json, packageName) !== undefined) continue
      count += 1
      const published = publishedVersion(json, {
        ...publication,
        version: `2.${count}.0`,
        versionNormalized: `2.${count}.0.0`,
      })
      assert.is(problemOfPublished(published), undefined)
      body = withVersion(body, packageName, published)
      if (count === 300) break
    }
    assert.is(count, 300)
    repository.files.set('/p2/own/log.json', rewriteDists(body, packageName, repository.url))
    const project = composerProject({ repository: repository.url, require: { 'own/log': '*' } })
    try {
      const shown = await run(['show', '--all', 'own/log'], project)
      assert.is(shown.code, 0, shown.output)
      assert.match(shown.output, '2.300.0')
      const { output } = await run(['update', '--dry-run'], project)
      assert.not.match(output, /Exception|TypeError|Could not load|Invalid package/i)
    } finally {
      project.remove()
    }
  })
})

const words = fc.constantFrom('', 'a', '0', 'Own\\', 'src', 'own/more', '1.x-dev', 'https://a.b')
const value = fc.oneof(
  words,
  fc.constant(null),
  fc.boolean(),
  fc.array(words, { maxLength: 2 }),
  fc.dictionary(words, fc.oneof(words, fc.array(words, { maxLength: 2 })), { maxKeys: 2 }),
  fc.dictionary(words, fc.dictionary(words, words, { maxKeys: 1 }), { maxKeys: 1 }),
  fc.array(fc.dictionary(fc.constantFrom('name', 'type', 'url'), words), { maxLength: 2 }),
  fc.dictionary(fc.constantFrom('psr-4', 'psr-0', 'files', 'branch-alias'), fc.jsonValue()),
  fc.jsonValue(),
)

/** One key or two, so that what is refused takes little else with it. */
const composerJson = fc.dictionary(
  fc.constantFrom(...Object.keys(whole).filter((key) => key !== 'name'), 'target-dir', 'php-ext'),
  value,
  { minKeys: 1, maxKeys: 2 },
)
