import { distsOf, normalizedVersion, parseDocument } from './document.ts'
import { filledIn, referenceToken, versionToken } from './mirror-tokens.ts'
import type { PackageName } from './names.ts'

/** An archive that a document names, and where it says that it is. */
export interface DocumentReference {
  readonly versionToken: string
  readonly referenceToken: string
  readonly versionNormalized: string
  readonly reference: string | null
  readonly type: string
  readonly url: string
  readonly shasum: string | null
}

/** A template may name a token as often as it likes; events of archives have room for so much. */
const urlLengthMax = 4_000

export interface DocumentReferences {
  /** Each (version, reference) once. */
  readonly references: readonly DocumentReference[]
  /** Normalized: versions without an archive of use, as metapackages have. */
  readonly bareVersions: readonly string[]
}

/** None when the bytes are no document. */
export function referencesIn(body: Buffer, packageName: PackageName): DocumentReferences {
  const parsed = parseDocument(body, packageName)
  if (!parsed.ok) return { references: [], bareVersions: [] }
  const references = new Map<string, DocumentReference>()
  const bareVersions = new Set<string>()
  for (const version of parsed.document.versions) {
    const dist = distsOf(version)
    if (dist === undefined) {
      const normalized = normalizedVersion(version)
      if (normalized !== undefined) bareVersions.add(normalized)
      continue
    }
    const { versionNormalized, version: prettyVersion, reference, type, url, shasum } = dist
    const tokens = {
      package: packageName,
      version: versionToken(versionNormalized),
      reference: referenceToken(reference),
      type,
      prettyVersion,
    }
    const filled = filledIn(url, tokens)
    if (filled.length > urlLengthMax) {
      bareVersions.add(versionNormalized)
      continue
    }
    references.set(`${tokens.version} ${tokens.reference}`, {
      versionToken: tokens.version,
      referenceToken: tokens.reference,
      versionNormalized,
      reference,
      type,
      url: filled,
      shasum,
    })
  }
  return { references: [...references.values()], bareVersions: [...bareVersions] }
}
