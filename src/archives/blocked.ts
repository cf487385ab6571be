import type { PackageName } from '../composer/names.ts'
import { type Blocked, explainRule } from '../composer/version-rules.ts'
import { AppError } from '../errors.ts'

/** An archive that may not be served, since a version that it is of may not be. */
export class ArchiveBlocked extends AppError {
  readonly packageName: PackageName
  readonly versionNormalized: string

  constructor(packageName: PackageName, { version, rule }: Blocked) {
    super('archive_blocked', `${packageName} ${version} is not served: ${explainRule(rule)}`)
    this.packageName = packageName
    this.versionNormalized = version
  }
}
