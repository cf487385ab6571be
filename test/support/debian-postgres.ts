import { execFile } from 'node:child_process'
import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'
import { removeDirectory, temporaryDirectory } from './temporary-directory.ts'

const run = promisify(execFile)
const parent = '/usr/lib/postgresql'

/** The newest of this machine's own, with its client programs; undefined: it has none. */
export function debianPostgres(): string | undefined {
  const majors = existsSync(parent) ? readdirSync(parent) : []
  const [newest] = majors.toSorted((one, other) => Number(other) - Number(one))
  if (newest === undefined) return undefined
  const binaries = path.join(parent, newest, 'bin')
  return ['initdb', 'pg_restore'].every((name) => existsSync(path.join(binaries, name)))
    ? binaries
    : undefined
}

export interface DebianServer {
  readonly port: number
  /** Runs a command of a shell, with its programs first. Returns what it wrote; throws when it fails. */
  readonly shell: (command: string, env?: Readonly<Record<string, string>>) => Promise<string>
  readonly close: () => Promise<void>
}

/** A server on 127.0.0.1 that lets in whoever asks, under any name, with the superuser `postgres`. */
export async function startDebianPostgres(binaries: string): Promise<DebianServer> {
  const directory = temporaryDirectory('almanac-debian')
  const user = serverUser()
  chownSync(directory, user.uid, user.gid)
  const cluster = path.join(directory, 'cluster')
  const port = await freePort()
  const as = { ...user, cwd: directory }
  const program = (name: string) => path.join(binaries, name)
  await run(program('initdb'), ['-D', cluster, '-U', 'postgres', '-A', 'trust', '--no-sync'], as)
  const settings = `-p ${port} -h 127.0.0.1 -k ${directory} -F`
  const log = path.join(directory, 'log')
  await run(program('pg_ctl'), ['-D', cluster, '-l', log, '-o', settings, '-w', 'start'], as)
  return {
    port,
    async shell(command, env = {}) {
      const PATH = `${binaries}:${process.env['PATH']}`
      const { stdout } = await run('bash', ['-euc', command], {
        cwd: directory,
        env: { PATH, ...env },
      })
      return stdout
    },
    async close() {
      await run(program('pg_ctl'), ['-D', cluster, '-m', 'immediate', '-w', 'stop'], as)
      removeDirectory(directory)
    },
  }
}

/** PostgreSQL refuses to run as root. */
function serverUser(): { readonly uid: number; readonly gid: number } {
  const [uid = 0, gid = 0] = [process.getuid?.(), process.getgid?.()]
  if (uid !== 0) return { uid, gid }
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  const [, , ofUser, ofGroup] =
    users.find((line) => /^(?:postgres|nobody):/.test(line))?.split(':') ?? []
  return { uid: Number(ofUser), gid: Number(ofGroup) }
}
