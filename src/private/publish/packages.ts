import type { PackageName } from '../../composer/names.ts'
import type { Sha256 } from '../../events/types.ts'
import type { Instant } from '../../time-machine/instant.ts'
import { unknownPackage } from './withdraw.ts'

/** See projections/private-package.ts. */
interface VersionRow {
  readonly version: string
  readonly version_normalized: string
  readonly sha256: Sha256
  readonly sha1: string
  readonly size_bytes: bigint
  readonly published_at: Instant
  readonly published_by: string
  readonly served: boolean
}

interface PackageRow {
  readonly package_name: PackageName
  readonly versions: bigint
  readonly published_at: Instant
}

/** `moved_on`: a branch has another state since; its archive is there for who has it in a lock file. */
export type VersionState = 'served' | 'withdrawn' | 'moved_on'

export interface PackageVersion {
  readonly version: string
  readonly versionNormalized: string
  readonly state: VersionState
  readonly reference: Sha256
  readonly shasum: string
  readonly sizeBytes: number
  readonly publishedAt: Instant
  readonly publishedBy: string
}

export interface PackageSummary {
  readonly package: PackageName
  /** How many are served. */
  readonly versions: number
  readonly lastPublishedAt: Instant
}

export interface PackagesOptions {
  readonly packages: () => Promise<readonly PackageRow[]>
  /** All states of all versions, the newest first. */
  readonly versions: (packageName: PackageName) => Promise<readonly VersionRow[]>
}

export interface Packages {
  /** All there are, by name. */
  readonly list: () => Promise<readonly PackageSummary[]>
  /**
   * What was published last comes first.
   *
   * @throws AppError `package_not_found`.
   */
  readonly show: (packageName: PackageName) => Promise<readonly PackageVersion[]>
}

export function createPackages({ packages, versions }: PackagesOptions): Packages {
  return {
    async list() {
      return (await packages()).map(({ package_name, versions: count, published_at }) => {
        return { package: package_name, versions: Number(count), lastPublishedAt: published_at }
      })
    },
    async show(packageName) {
      const rows = await versions(packageName)
      if (rows.length === 0) throw unknownPackage(packageName)
      const seen = new Set<string>()
      return rows.map((row) => {
        const isLast = !seen.has(row.version_normalized)
        seen.add(row.version_normalized)
        return versionOf(row, isLast)
      })
    },
  }
}

/** Of a version that isn't served, only what was published last is withdrawn: it moved on from all others. */
function versionOf(row: VersionRow, isLast: boolean): PackageVersion {
  return {
    version: row.version,
    versionNormalized: row.version_normalized,
    state: row.served ? 'served' : isLast ? 'withdrawn' : 'moved_on',
    reference: row.sha256,
    shasum: row.sha1,
    sizeBytes: Number(row.size_bytes),
    publishedAt: row.published_at,
    publishedBy: row.published_by,
  }
}
