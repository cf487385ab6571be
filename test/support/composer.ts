import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { startProcess } from './processes.ts'
import { removeDirectory, temporaryDirectory } from './temporary-directory.ts'
import { patientMs } from './slowness.ts'

/** The one on PATH, unless COMPOSER_BIN names another. */
export const program = process.env['COMPOSER_BIN'] ?? 'composer'

/** The version of Composer, such as `2.5.5`; undefined when there is none. */
export function composerVersion(bin = program): string | undefined {
  const { stdout } = spawnSync(bin, ['--version', '--no-ansi'], {
    encoding: 'utf8',
    env: { ...process.env, COMPOSER_ALLOW_SUPERUSER: '1' },
  })
  return /^Composer version (\S+)/m.exec(stdout ?? '')?.[1]
}

export interface ComposerOptions {
  /** Where the composer.json is. */
  readonly directory: string
  /** Composer's home, with its cache; an empty one for this call alone when not given. */
  readonly home?: string
  readonly timeoutMs?: number
  /** Its path; without it the one above. */
  readonly bin?: string
}

export interface ComposerResult {
  readonly code: number | null
  readonly output: string
}

/**
 * Runs the real Composer, which knows nothing of this machine's own configuration and cache.
 *
 * @throws Error with the output so far when it takes longer than `timeoutMs` (120 s), or more on a slow machine.
 */
export async function runComposer(
  args: readonly string[],
  { directory, home, timeoutMs = 120_000, bin = program }: ComposerOptions,
): Promise<ComposerResult> {
  const ownHome = home ?? temporaryDirectory('composer-home')
  const options = ['--no-interaction', '--no-plugins', '--no-scripts', '--no-ansi']
  const started = startProcess(bin, [...args, ...options], {
    directory,
    env: {
      PATH: process.env['PATH'],
      TMPDIR: process.env['TMPDIR'],
      HOME: ownHome,
      COMPOSER_HOME: ownHome,
      COMPOSER_CACHE_DIR: path.join(ownHome, 'cache'),
      COMPOSER_ALLOW_SUPERUSER: '1',
    },
  })
  const limitMs = patientMs(timeoutMs)
  const limit = new AbortController()
  const exit = await Promise.race([
    started.exited,
    delay(limitMs, undefined, { signal: limit.signal }),
  ])
  limit.abort()
  if (exit === undefined) started.signalGroup('SIGKILL')
  await started.closed
  if (home === undefined) removeDirectory(ownHome)
  if (exit === undefined) {
    throw new Error(`composer ${args[0]} took over ${limitMs} ms:\n${started.output()}`)
  }
  return { code: exit.code, output: started.output() }
}

export interface ComposerProjectOptions {
  /** URL of the only repository that the project has. */
  readonly repository: string
  readonly require: Readonly<Record<string, string>>
  /** Further keys of composer.json, such as `minimum-stability`. */
  readonly extra?: Readonly<Record<string, unknown>>
}

export interface ComposerProject {
  readonly directory: string
  /** `name@version#reference` of every locked package, sorted: what "the same install" means. */
  readonly locked: () => readonly string[]
  /** The whole composer.lock. */
  readonly lock: () => unknown
  readonly remove: () => void
}

/** A directory with a composer.json, in which `runComposer` can work. */
export function composerProject(options: ComposerProjectOptions): ComposerProject {
  const { repository, require, extra = {} } = options
  const directory = temporaryDirectory('composer-project')
  const composer = {
    name: 'test/project',
    description: 'A project of the tests',
    license: 'MIT',
    require,
    repositories: [{ type: 'composer', url: repository }, { 'packagist.org': false }],
    config: { 'secure-http': false, 'preferred-install': 'dist', 'allow-plugins': false },
    ...extra,
  }
  writeFileSync(path.join(directory, 'composer.json'), JSON.stringify(composer, null, 2))
  const lock = (): unknown =>
    JSON.parse(readFileSync(path.join(directory, 'composer.lock'), 'utf8'))
  return {
    directory,
    lock,
    locked() {
      const { packages, 'packages-dev': packagesDev } = LockFile.parse(lock())
      return [...packages, ...packagesDev].map(identity).toSorted()
    },
    remove: () => removeDirectory(directory),
  }
}

const Place = z.object({ reference: z.string().nullish() }).nullish()
const LockedPackage = z.object({
  name: z.string(),
  version: z.string(),
  dist: Place,
  source: Place,
})
const LockFile = z.object({
  packages: z.array(LockedPackage),
  'packages-dev': z.array(LockedPackage),
})

/** Metapackages have no reference. */
function identity({ name, version, dist, source }: z.infer<typeof LockedPackage>): string {
  return `${name}@${version}#${dist?.reference ?? source?.reference ?? ''}`
}
