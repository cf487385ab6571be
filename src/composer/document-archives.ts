import { distsOf, parseDocument } from './document.ts'
import { referenceToken, versionToken } from './mirror-tokens.ts'
import type { PackageName } from './names.ts'

/** An archive as its URL names it. */
export interface ArchiveTokens {
  readonly versionToken: string
  readonly referenceToken: string
}

export interface DocumentArchive extends ArchiveTokens {
  /** null where the document names none. */
  readonly sha1: string | null
}

/** The archives that the bytes of a document name; none when they are no document. */
export function archivesIn(body: Buffer, packageName: PackageName): readonly DocumentArchive[] {
  const parsed = parseDocument(body, packageName)
  if (!parsed.ok) return []
  return parsed.document.versions.flatMap((version) => {
    const dist = distsOf(version)
    if (dist === undefined) return []
    return [
      {
        versionToken: versionToken(dist.versionNormalized),
        referenceToken: referenceToken(dist.reference),
        sha1: dist.shasum,
      },
    ]
  })
}
