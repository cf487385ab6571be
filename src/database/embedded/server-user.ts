import { readFileSync, realpathSync, statSync, type Stats } from 'node:fs'
import { userInfo } from 'node:os'
import path from 'node:path'
import { StartupError } from '../../errors.ts'

/** The user whose processes the server is made of. */
export interface ServerUser {
  readonly uid: number
  readonly gid: number
  /** For messages. */
  readonly name: string
}

/**
 * Who runs the server on the data directory `cluster`: we ourselves, unless we are root, which
 * PostgreSQL refuses to be. Then the owner of an existing data directory, since nobody else may open
 * it; else `postgres`, else `nobody`.
 *
 * @throws StartupError when there is no such user, or when the data belong to another one.
 */
export function serverUser(cluster: string): ServerUser {
  const uid = process.getuid?.()
  const gid = process.getgid?.()
  if (uid === undefined || gid === undefined) {
    throw new StartupError(
      'The embedded PostgreSQL needs Linux or macOS. Set DATABASE_URL to a PostgreSQL server.',
    )
  }
  const owner = statsOf(cluster)
  if (uid === 0) return userForRoot(cluster, owner)
  if (owner !== undefined && owner.uid !== uid) {
    throw new StartupError(
      `${cluster} belongs to user ${owner.uid}, and Almanac runs as user ${uid}. Start it as that ` +
        `user or as root, hand it over (chown -R ${uid} ${cluster}), or set DATA_DIR elsewhere.`,
    )
  }
  if (owner === undefined && !hasName()) {
    throw new StartupError(
      `User ${uid} has no name, and PostgreSQL makes no database for such a user. Give it one in ` +
        `/etc/passwd, start Almanac as another user, or set DATABASE_URL to a PostgreSQL server.`,
    )
  }
  return { uid, gid, name: `${uid}` }
}

/** Containers may run under a user id that is in no list. */
function hasName(): boolean {
  try {
    return userInfo().username !== ''
  } catch {
    return false
  }
}

function userForRoot(cluster: string, owner: Stats | undefined): ServerUser {
  if (owner !== undefined && owner.uid !== 0) {
    return { uid: owner.uid, gid: owner.gid, name: `${owner.uid}` }
  }
  const user = findUser('postgres') ?? findUser('nobody')
  if (user === undefined) {
    throw new StartupError(
      'PostgreSQL refuses to run as root, and there is no user named postgres or nobody to run it. ' +
        'Create one (useradd --system postgres), or start Almanac as an ordinary user.',
    )
  }
  if (owner !== undefined) {
    throw new StartupError(
      `${cluster} belongs to root, and PostgreSQL refuses to run as root. ` +
        `Hand it over: chown -R ${user.name} ${cluster}`,
    )
  }
  return user
}

/**
 * The outermost directory on the way to `target`, itself included, that `user` may not pass;
 * undefined when there is none. What doesn't exist yet counts as passable.
 *
 * Looks at owner, group and mode only. Answers nothing about ourselves, who may be in more groups.
 */
export function blockingDirectory(target: string, user: ServerUser): string | undefined {
  if (user.uid === process.getuid?.()) return undefined
  const way: string[] = []
  for (let at = realpathSync(nearestExisting(target)); ; at = path.dirname(at)) {
    way.unshift(at)
    if (at === path.dirname(at)) break
  }
  return way.find((directory) => !mayPass(statSync(directory), user))
}

function mayPass(stats: Stats, user: ServerUser): boolean {
  if (stats.uid === user.uid) return (stats.mode & 0o100) !== 0
  return (stats.mode & (stats.gid === user.gid ? 0o010 : 0o001)) !== 0
}

function nearestExisting(target: string): string {
  let at = path.resolve(target)
  while (statsOf(at) === undefined && at !== path.dirname(at)) at = path.dirname(at)
  return at
}

function statsOf(target: string): Stats | undefined {
  return statSync(target, { throwIfNoEntry: false })
}

function findUser(name: string): ServerUser | undefined {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? []
  return uid === undefined || gid === undefined
    ? undefined
    : { uid: Number(uid), gid: Number(gid), name }
}
