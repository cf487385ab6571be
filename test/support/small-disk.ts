import { spawnSync } from 'node:child_process'
import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { createTestDatabase, type TestDatabase } from './postgres.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** A test database on a disk of its own. The server's log of changes is elsewhere and has room. */
export interface SmallDisk extends TestDatabase {
  /** Writes a file that leaves so many bytes. */
  readonly fill: (leftBytes: number) => void
  /** Removes that file. */
  readonly clear: () => void
}

/**
 * A disk of `sizeBytes` in memory, and a migrated database on it.
 *
 * @throws Error when this user mayn't mount one, or the run's PostgreSQL isn't on this machine.
 */
export async function openSmallDisk(sizeBytes: number): Promise<SmallDisk> {
  const database = await createTestDatabase()
  const name = new URL(database.url).pathname.slice(1)
  const admin = new pg.Client({
    connectionString: database.url.replace(`/${name}`, '/template1'),
  })
  await admin.connect()
  try {
    return await moveToDisk(name, { database, admin, sizeBytes })
  } catch (error) {
    await admin.end()
    await database.close()
    throw error
  }
}

interface Move {
  readonly database: TestDatabase
  readonly admin: pg.Client
  readonly sizeBytes: number
}

async function moveToDisk(name: string, { database, admin, sizeBytes }: Move): Promise<SmallDisk> {
  const { rows } = await admin.query<{ pid: number }>('select pg_backend_pid() as pid')
  const { uid, gid } = statSync(`/proc/${rows[0]?.pid}`)
  const directory = temporaryDirectory('small-disk')
  const options = `size=${sizeBytes},uid=${uid},gid=${gid},mode=700`
  run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory])
  // However this process ends; before its temporary directories are removed.
  const unmount = () => run('umount', ['--lazy', directory])
  process.prependOnceListener('exit', unmount)
  await admin.query(`create tablespace ${name} location '${directory}'`)
  await admin.query(`alter database ${name} set tablespace ${name}`)
  const ballast = path.join(directory, 'ballast')
  return {
    ...database,
    fill(leftBytes) {
      const { bavail, bsize } = statfsSync(directory)
      writeFileSync(ballast, Buffer.alloc(bavail * bsize - leftBytes))
    },
    clear: () => rmSync(ballast),
    async close() {
      await database.close()
      await admin.query(`drop tablespace ${name}`)
      await admin.end()
      process.off('exit', unmount)
      unmount()
    },
  }
}

function run(command: string, values: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, values, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command}: ${error?.message ?? stderr.trim()}`)
}
