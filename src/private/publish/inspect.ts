import { type FileInZip, readFileAtRoot } from '../../archives/zip/read-file.ts'
import { inspectZip } from '../../archives/zip/inspect.ts'
import { parseComposerJson, problemOfComposerJson } from '../../composer/composer-json.ts'
import type { JsonObject } from '../../composer/minify.ts'
import type { PackageName } from '../../composer/names.ts'
import {
  problemOfPublished,
  publishableVersion,
  type Publication,
  publishedVersion,
} from '../../composer/published-version.ts'
import { AppError } from '../../errors.ts'
import type { Sha256 } from '../../events/types.ts'
import type { Staged } from './stage.ts'

const composerJsonBytesMax = 1024 * 1024

/**
 * The composer.json of a zip, which Composer finds at the root or in the single top directory.
 *
 * @throws AppError `package_invalid` that says what to do.
 */
export async function readComposerJson(staged: Staged): Promise<JsonObject> {
  const wanted = { name: 'composer.json', sizeBytesMax: composerJsonBytesMax }
  const found = await readFileAtRoot(staged, wanted)
  if (found.outcome !== 'read') throw invalid(problemOf(found))
  const parsed = parseComposerJson(found.bytes)
  if (!parsed.ok) throw invalid(`of its composer.json: ${parsed.problem}`)
  return parsed.json
}

function problemOf(found: Exclude<FileInZip, { readonly outcome: 'read' }>): string {
  switch (found.outcome) {
    case 'bad_zip':
      return `${found.problem}; pack it again with \`git archive\` or \`composer archive\``
    case 'missing':
      return 'put a composer.json at its root or into its single top directory'
    case 'no_file':
      return 'its composer.json must be a file'
    case 'too_large':
      return `its composer.json may have ${composerJsonBytesMax} bytes`
    default:
      return found satisfies never
  }
}

/**
 * Checks that a zip is what its URL says and that Composer will install it.
 *
 * @throws AppError `package_invalid` that says what to do.
 */
export async function inspectUpload(
  staged: Staged,
  publication: Publication,
): Promise<{ readonly treeSha256: Sha256; readonly version: JsonObject }> {
  const inspection = await inspectZip(staged.path, staged.sizeBytes)
  if (!inspection.ok) throw invalid(problemOf({ outcome: 'bad_zip', ...inspection }))
  const json = await readComposerJson(staged)
  const version = versionOf(json, publication)
  return { treeSha256: inspection.treeSha256, version }
}

function versionOf(json: JsonObject, publication: Publication): JsonObject {
  const { packageName, version, versionNormalized } = publication
  if (json['name'] !== packageName) {
    throw invalid(`its composer.json must have the name ${packageName}, as it is published under`)
  }
  const { version: own } = json
  const isSame = typeof own === 'string' && publishableVersion(own) === versionNormalized
  if (own !== undefined && own !== null && !isSame) {
    throw invalid(`its composer.json must have the version ${version}, or none`)
  }
  const problem = problemOfComposerJson(json, packageName)
  if (problem !== undefined) throw invalid(`of its composer.json: ${problem}`)
  const published = publishedVersion(json, publication)
  const unfit = problemOfPublished(published)
  if (unfit !== undefined) throw invalid(`of its composer.json: ${unfit}`)
  return published
}

/** @param problem a clause that says what to do. */
export function invalid(problem: string): AppError {
  return new AppError('package_invalid', `this can't be published: ${problem}`)
}

const reserved =
  /^(?:nul|con|prn|aux|com[1-9]|lpt[1-9])\/|\/(?:nul|con|prn|aux|com[1-9]|lpt[1-9])$|\.json$/

/**
 * @returns the version as Composer compares it.
 * @throws AppError `package_invalid` for names that Composer refuses.
 */
export function checkNames(packageName: PackageName, version: string): string {
  if (reserved.test(packageName)) {
    throw invalid(`${packageName} is a name that Composer refuses; choose another one`)
  }
  const normalized = publishableVersion(version)
  if (normalized !== undefined) return normalized
  throw invalid(
    'the version must be one that Composer knows, such as 1.2.0, 2.0.0-beta1, dev-main or 1.x-dev',
  )
}
