import { distsOf, parseDocument } from './document.ts'
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

/** Each (version, reference) once; none when the bytes are no document. */
export function referencesIn(body: Buffer, packageName: PackageName): readonly DocumentReference[] {
  const parsed = parseDocument(body, packageName)
  if (!parsed.ok) return []
  const references = new Map<string, DocumentReference>()
  for (const version of parsed.document.versions) {
    const dist = distsOf(version)
    if (dist === undefined) continue
    const { versionNormalized, reference, type, url, shasum } = dist
    const tokens = {
      package: packageName,
      version: versionToken(versionNormalized),
      reference: referenceToken(reference),
      type,
    }
    references.set(`${tokens.version} ${tokens.reference}`, {
      versionToken: tokens.version,
      referenceToken: tokens.reference,
      versionNormalized,
      reference,
      type,
      url: filledIn(url, tokens),
      shasum,
    })
  }
  return [...references.values()]
}
