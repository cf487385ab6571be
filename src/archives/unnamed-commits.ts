import { createShared } from '../access/share.ts'
import { AppError } from '../errors.ts'
import type { Instant } from '../time-machine/instant.ts'
import { hourOf } from '../time-machine/utc-period.ts'
import type { ArchiveRequest, KnownReference } from './archive.ts'

/** A commit of a branch that no metadata names, as `dev-main#<commit>` asks for it. */
export interface UnnamedCommit {
  readonly known: KnownReference
  /** To be called when it turns out not to be made up, or nobody was asked. */
  readonly giveBack: () => void
}

/** @throws AppError `allowance_used_up` when the client has made up too many. */
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
const retryAfterSeconds = 600

export function createUnnamedCommits(options: UnnamedCommitsOptions): FindUnnamedCommit {
  const { ofBranch, now } = options
  const madeUp = createShared({
    perClient: madeUpPerClient,
    inAll: madeUpInAll,
    withoutToken: madeUpInAll / 2,
    period: () => hourOf(now()),
  })
  return async (request) => {
    const known = await ofBranch(request)
    if (known === undefined) return undefined
    const { client } = request
    if (client === undefined) return { known, giveBack: () => undefined }
    const taken = madeUp.take(client)
    if (taken !== undefined) return { known, ...taken }
    const message = 'too many commits that upstream does not have were asked for lately'
    throw new AppError('allowance_used_up', message, { retryAfterSeconds })
  }
}
