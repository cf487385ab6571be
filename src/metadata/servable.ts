import { LRUCache } from 'lru-cache'
import type { DocumentDigest } from '../composer/document-digest.ts'
import type { PackageName } from '../composer/names.ts'
import { AppError } from '../errors.ts'
import type { Sha256 } from '../events/types.ts'
import type { BodyName } from './bodies.ts'

export interface ServableOptions {
  /** undefined: the read model hasn't come to these bytes of this package yet. */
  readonly digestOf: (
    sha256: Sha256,
    packageName: PackageName,
  ) => Promise<DocumentDigest | undefined>
  /** undefined: past the limits that bodies have now. */
  readonly readOut: (
    sha256: Sha256,
    packageName: PackageName,
  ) => Promise<DocumentDigest | undefined>
  /** Of vendors whose packages a package stands in for, and of its own, patterns of what it may not. */
  readonly standsInForNone: (
    packageName: PackageName,
    vendors: readonly string[],
  ) => Promise<readonly string[]>
}

export interface ServableBody {
  /** What of it may be given to anybody; the very name when that is all of it. */
  readonly body: BodyName
  /** What Composer reads out of its `filter`: see `digestOfFilter`. */
  readonly filter: string
  /** false: it has something that is given to nobody. */
  readonly isWhole: boolean
}

/**
 * Finds what of a recorded body may be given to anybody.
 *
 * @throws AppError `upstream_unavailable` when it is past the limits that bodies have now.
 */
export type Servable = (body: BodyName, packageName: PackageName) => Promise<ServableBody>

/** Some hundred bytes each; bytes never change, so neither does what they say of a package. */
const digestsMax = 50_000

export function createServable(options: ServableOptions): Servable {
  const { digestOf, readOut, standsInForNone } = options
  const digests = new LRUCache<string, DocumentDigest>({ max: digestsMax })

  async function digest(sha256: Sha256, packageName: PackageName): Promise<DocumentDigest> {
    const key = `${packageName} ${sha256}`
    const known = digests.get(key)
    if (known !== undefined) return known
    const found = (await digestOf(sha256, packageName)) ?? (await readOut(sha256, packageName))
    if (found === undefined) {
      const message = `what is recorded of ${packageName} is past the limits of this release`
      throw new AppError('upstream_unavailable', message)
    }
    digests.set(key, found)
    return found
  }

  return async (body, packageName) => {
    const { isWhole, standsInFor, filter } = await digest(body.sha256, packageName)
    const forNone = await standsInForNone(packageName, standsInFor)
    if (isWhole && forNone.length === 0) return { body, filter, isWhole }
    return {
      body: { ...body, servable: { packageName, standsInForNone: forNone } },
      filter,
      isWhole,
    }
  }
}
