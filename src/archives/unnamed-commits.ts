import { EventEmitter, once } from 'node:events'
import type { Taken } from '../access/allowance.ts'
import type { Client } from '../access/client.ts'
import { createShared } from '../access/share.ts'
import { AppError } from '../errors.ts'
import type { Instant } from '../time-machine/instant.ts'
import { hourOf } from '../time-machine/utc-period.ts'
import type { ArchiveRequest, KnownReference } from './archive.ts'

/** A commit of a branch that no metadata names, as `dev-main#<commit>` asks for it. */
export interface UnnamedCommit {
  readonly known: KnownReference
  /** To be called once it is known whether upstream said that it has no such commit. */
  readonly end: (isMadeUp: boolean) => void
}

/**
 * Waits in line while it is only for others under way that nothing is left for the client.
 *
 * @throws AppError `allowance_used_up` when the client has made up too many.
 */
export type FindUnnamedCommit = (request: ArchiveRequest) => Promise<UnnamedCommit | undefined>

export interface UnnamedCommitsOptions {
  /** What can be told of it from others of its branch. */
  readonly ofBranch: (request: ArchiveRequest) => Promise<KnownReference | undefined>
  readonly now: () => Instant
}

/** GitHub answers 60 questions an hour of one that it doesn't know; the rest is for archives that are named. */
const madeUpInAll = 40
/** More than a lock file names commits that were removed from their branch, and half of what others without a token have. */
const madeUpPerClient = 10
/** Of these, for clients that made up none this hour. */
const madeUpKept = { count: 5, below: 1 }
const retryAfterSeconds = 600
/** As long as for an allowance. */
const waitMsMax = 5_000

export function createUnnamedCommits(options: UnnamedCommitsOptions): FindUnnamedCommit {
  const { ofBranch, now } = options
  const madeUp = createShared({
    perClient: madeUpPerClient,
    inAll: madeUpInAll,
    withoutToken: madeUpInAll / 2,
    kept: madeUpKept,
    period: () => hourOf(now()),
  })
  let underWay = 0
  // As many listeners as requests wait, of which each client has a limited number.
  const ends = new EventEmitter().setMaxListeners(0)

  async function takeInLine(client: Client): Promise<Taken | undefined> {
    const signal = AbortSignal.timeout(waitMsMax)
    for (;;) {
      const taken = madeUp.take(client)
      if (taken !== undefined || underWay === 0 || signal.aborted) return taken
      await once(ends, 'end', { signal }).catch(() => undefined)
    }
  }
  return async (request) => {
    const known = await ofBranch(request)
    if (known === undefined) return undefined
    const { client } = request
    if (client === undefined) return { known, end: () => undefined }
    const taken = await takeInLine(client)
    if (taken !== undefined) {
      underWay += 1
      const end = (isMadeUp: boolean): void => {
        underWay -= 1
        if (!isMadeUp) taken.giveBack()
        ends.emit('end')
      }
      return { known, end }
    }
    const message = 'too many commits that upstream does not have were asked for lately'
    throw new AppError('allowance_used_up', message, { retryAfterSeconds })
  }
}
