import { z } from 'zod'
import { type PackageName, packageNameRule, parsePackageName } from '../../composer/names.ts'
import { AppError } from '../../errors.ts'

/** `vendor/package`, which is checked once both are known. */
export const packageParams = z.object({ vendor: z.string(), package: z.string() })

export const versionParams = packageParams.extend({
  version: z.string().describe('Such as 1.2.0 or dev-main; a slash in it is written %2F.'),
})

export function packageNamed({
  vendor,
  package: name,
}: z.infer<typeof packageParams>): PackageName {
  const packageName = parsePackageName(vendor, name)
  if (packageName !== undefined) return packageName
  const message = `that is not the name of a package: it ${packageNameRule}`
  throw new AppError('package_not_found', message)
}
