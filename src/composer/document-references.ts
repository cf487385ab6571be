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

/** A template may name a token as often as it likes; events of archives have room for so much. */
const urlLengthMax = 4_000

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
    const filled = filledIn(url, tokens)
    if (filled.length > urlLengthMax) continue
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
  return [...references.values()]
}
