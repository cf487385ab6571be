import { createHash } from 'node:crypto'
import { copyFileSync, readFileSync } from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { startAlmanac } from '../support/almanac.ts'
import { composerProject } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { documentOf, goodVersion } from '../support/hostile-documents.ts'
import { startStubUpstream, type StubUpstream } from '../support/upstream.ts'
import { zip } from '../support/zip.ts'

const name = 'odd/packed'
const files = [{ path: 'folder/v.txt', content: 'one' }]
const [first, repacked] = [zip(files), zip(files, { method: 'stored' })]

/** Upstream has this as 1.0.0 from now on. */
function say({ fail, url }: StubUpstream, bytes: Buffer): void {
  const shasum = createHash('sha1').update(bytes).digest('hex')
  const dist = { type: 'zip', url: `${url}/${name}/a.zip`, shasum, reference: 'c'.repeat(40) }
  const { source: _, ...version } = goodVersion(name, '1.0.0')
  const body = documentOf(name, [{ ...version, dist }])
  fail({ match: /odd\/packed(\.json|~dev)/, mode: 'own-words', body, headers: {} })
  const headers = { 'content-type': 'application/zip' }
  fail({ match: /odd\/packed\/a\.zip$/, mode: 'own-words', body: bytes, headers })
}

/** Installs with nothing in Composer's cache, from a lock or else as of now. Gives back the lock. */
async function install(
  { run }: Composer,
  repository: string,
  lock?: string,
): Promise<{ readonly lock: string; readonly remove: () => void }> {
  const project = composerProject({ repository, require: { [name]: '1.0.0' } })
  const file = path.join(project.directory, 'composer.lock')
  if (lock !== undefined) copyFileSync(lock, file)
  const { code, output } = await run([lock === undefined ? 'update' : 'install'], project)
  if (code !== 0) project.remove()
  assert.is(code, 0, output)
  const installed = path.join(project.directory, 'vendor', name, 'v.txt')
  assert.is(readFileSync(installed, 'utf8'), 'one')
  return { lock: file, remove: project.remove }
}

async function fails(outcome: Promise<unknown>): Promise<boolean> {
  const error = await outcome.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return String(error).includes('checksum verification')
}

async function open() {
  const upstream = await startStubUpstream({ at: '2025-07-30T00:00:00Z' })
  const env = { PROXY_METADATA_TTL: '0', PROXY_FEED_INTERVAL: '0' }
  const mirroring = await startAlmanac({ upstream: upstream.url, env })
  const rewriting = await startAlmanac({
    upstream: upstream.url,
    env: { ...env, PROXY_DIST_MODE: 'rewrite' },
  })
  return {
    upstream,
    mirroring,
    rewriting,
    async close() {
      for (const each of [rewriting, mirroring, upstream]) await each.close()
    },
  }
}

forEachComposer('a version that is packed anew', open, (test, composer) => {
  test('installs afresh as at upstream, and from a lock of before where that names its bytes', async (context) => {
    const { upstream, mirroring, rewriting } = context
    const from = { direct: upstream.url, mirror: mirroring.url, rewrite: rewriting.url }
    say(upstream, first)
    const before = {
      direct: await install(composer, from.direct),
      mirror: await install(composer, from.mirror),
      rewrite: await install(composer, from.rewrite),
    }
    say(upstream, repacked)
    for (const repository of Object.values(from)) {
      const anew = await install(composer, repository)
      const again = await install(composer, repository, anew.lock)
      for (const { remove } of [anew, again]) remove()
    }
    const fromLock = async (way: keyof typeof from) =>
      await install(composer, from[way], before[way].lock)
    assert.ok(await fails(fromLock('direct')), 'what upstream itself gives')
    assert.ok(await fails(fromLock('mirror')), 'as directly')
    const { remove } = await fromLock('rewrite')
    remove()
    for (const project of Object.values(before)) project.remove()
  })
})
