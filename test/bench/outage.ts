/**
 * What an outage of upstream costs whoever installs: `npm run bench:outage`, with COMPOSER_BINS for more Composers than the
 * one on PATH. A lock of 13 packages is installed whose archives are here, and one whose archives aren't, while upstream is
 * well, refuses, or says nothing; its archives are on the same host. The ratio is to the time with upstream alive.
 */
import { cpSync } from 'node:fs'
import path from 'node:path'
import { startAlmanac, type RunningAlmanac } from '../support/almanac.ts'
import { composerProject } from '../support/composer.ts'
import { type Composer, composersAtHand } from '../support/every-composer.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { runDatabase } from '../support/run-database.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { startStubUpstream, type StubUpstream } from '../support/upstream.ts'

const described = (name: string) => ({
  name,
  description: 'Is installed with twelve others',
  tags: [['1.0.0', '2025-01-01']] as const,
  branches: { main: ['2025-01-01'] as const },
})
const known = Array.from({ length: 13 }, (_, index) => `bench/known-${index}`)
const unknown = Array.from({ length: 13 }, (_, index) => `bench/unknown-${index}`)
const cachedRatioMax = 1.5
const uncachedSecondsMax = 10
/** With PROXY_DIST_MODE=mirror Composer goes on to the origin, where it has patience of its own. */
const patienceMs = 30_000

const directory = temporaryDirectory('almanac-bench')
const run = runDatabase(directory)
Object.assign(process.env, await run.environment())

for (const mode of ['mirror', 'rewrite'] as const) {
  for (const composer of composersAtHand()) {
    const database = await createTestDatabase()
    const upstream = await startStubUpstream({ packages: [...known, ...unknown].map(described) })
    const almanac = await startAlmanac({
      upstream: upstream.url,
      databaseUrl: database.url,
      env: { PROXY_DIST_MODE: mode, PROXY_FEED_INTERVAL: '5', PROXY_METADATA_TTL: '1' },
    })
    await compare(composer, mode, { upstream, almanac })
    await almanac.close()
    await upstream.close()
    await database.close()
  }
}
await run.stop()

interface Servers {
  readonly upstream: StubUpstream
  readonly almanac: RunningAlmanac
}

async function compare(composer: Composer, mode: string, servers: Servers): Promise<void> {
  const { upstream, almanac } = servers
  const cached = await lockOf(composer, almanac, known)
  const uncached = await lockOf(composer, almanac, unknown)
  await install(composer, cached) // so that its archives are here
  const alive = await medianMs(composer, cached)
  tell({ name: `${composer.version} ${mode}`, how: 'alive', ratio: 1, cachedMs: alive })
  for (const how of ['refuse', 'silent'] as const) {
    const end = await upstream.outage(how)
    const cachedMs = await medianMs(composer, cached)
    const cold = await install(composer, uncached)
    await end()
    const name = `${composer.version} ${mode}`
    tell({ name, how, cachedMs, ratio: cachedMs / alive, cold })
  }
}

interface Told {
  readonly name: string
  readonly how: string
  readonly cachedMs: number
  readonly ratio: number
  readonly cold?: Installed
}

function tell({ name, how, cachedMs, ratio, cold }: Told): void {
  const isQuick = cold === undefined || cold.ms <= uncachedSecondsMax * 1000
  const mark = ratio <= cachedRatioMax && isQuick ? 'ok    ' : 'MISSED'
  const ofCold = cold && `; not cached ${seconds(cold.ms)}, code ${cold.code}: ${cold.why}`
  say(`${mark} ${name} ${how}: cached ${seconds(cachedMs)}, ×${ratio.toFixed(2)}${ofCold ?? ''}`)
}

async function medianMs(composer: Composer, project: string): Promise<number> {
  const times = []
  for (let round = 0; round < 3; round++) times.push((await install(composer, project)).ms)
  return times.toSorted((one, other) => one - other)[1] ?? 0
}

/** A project with a lock of these, and nothing installed. */
async function lockOf(
  composer: Composer,
  { url }: RunningAlmanac,
  names: readonly string[],
): Promise<string> {
  const project = composerProject({
    repository: url,
    require: Object.fromEntries(names.map((name) => [name, '^1.0'])),
  })
  const { code, output } = await composer.run(['update', '--no-install'], {
    directory: project.directory,
  })
  if (code !== 0) throw new Error(output)
  return project.directory
}

interface Installed {
  readonly ms: number
  readonly code: number | null
  /** The first line that says why. */
  readonly why: string
}

/** Into a new directory, with nothing in Composer's cache. */
async function install(composer: Composer, project: string): Promise<Installed> {
  const target = temporaryDirectory('composer-install')
  for (const file of ['composer.json', 'composer.lock']) {
    cpSync(path.join(project, file), path.join(target, file))
  }
  const begunMs = performance.now()
  const { code, output } = await composer
    .run(['install'], { directory: target, timeoutMs: patienceMs })
    .catch((error: unknown) => ({ code: null, output: `${String(error)}\n` }))
  const ms = performance.now() - begunMs
  const why = output.split('\n').find((line) => /reached|answered|Warning from/.test(line))
  return { ms, code, why: (why ?? '').trim().slice(0, 200) }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
