import { withoutVersion } from '../../composer/own-document.ts'
import type { PackageName } from '../../composer/names.ts'
import { publishableVersion } from '../../composer/published-version.ts'
import { AppError } from '../../errors.ts'
import { type DomainEvent, privateStream } from '../../events/types.ts'
import { decideOnStream } from '../../package-decisions.ts'
import { historyOf, lastDocument, type Published } from './history.ts'
import type { PublishOptions } from './publish.ts'

type Withdrawn = Extract<DomainEvent, { readonly type: 'PrivateVersionWithdrawn' }>['data']
export type WithdrawRequest = Pick<
  Withdrawn,
  'packageName' | 'version' | 'actor' | 'requestId' | 'reason'
>

/**
 * Takes a version out of what is served from now on; pins from before and lock files go on having it, and
 * its archive stays. What is withdrawn already stays so, and records nothing.
 *
 * @returns how it was published.
 * @throws AppError `package_not_found`, `version_not_found`.
 */
export type Withdraw = (request: WithdrawRequest) => Promise<Published>

export function createWithdraw({
  log,
  until,
  snapshots,
}: Pick<PublishOptions, 'log' | 'until' | 'snapshots'>): Withdraw {
  return async ({ packageName, version, ...written }) => {
    const versionNormalized = publishableVersion(version)
    if (versionNormalized === undefined) throw unknownVersion(packageName)
    const stream = privateStream(packageName)
    const events = await decideOnStream({ log, until, stream }, async (before) => {
      if (before.length === 0) throw unknownPackage(packageName)
      const history = historyOf(before, versionNormalized)
      if (history === undefined) throw unknownVersion(packageName)
      const previous = lastDocument(before, versionNormalized)
      if (history.served === undefined || previous === undefined) return undefined
      const body = withoutVersion(await snapshots.get(previous), packageName, versionNormalized)
      // Before the event that names it: a crash in between leaves a snapshot that nothing names.
      const documentSha256 = await snapshots.put(body, previous)
      const { version: asPublished } = history.served
      const data = { packageName, version: asPublished, versionNormalized, documentSha256 }
      return { type: 'PrivateVersionWithdrawn', data: { ...data, ...written } }
    })
    const history = historyOf(events, versionNormalized)
    if (history === undefined) throw unknownVersion(packageName)
    return history.last
  }
}

export function unknownPackage(packageName: PackageName): AppError {
  const message = `nothing of ${packageName} was ever published here`
  return new AppError('package_not_found', message)
}

function unknownVersion(packageName: PackageName): AppError {
  const message = `${packageName} has no such version: see GET /api/v1/packages/${packageName}`
  return new AppError('version_not_found', message)
}
