import { LRUCache } from 'lru-cache'
import type { ArchiveTokens, DocumentArchive } from '../composer/document-archives.ts'
import { documentName, type DocumentName, type PackageName } from '../composer/names.ts'
import type { Instant } from '../time-machine/instant.ts'
import { type Basis, bodyAsOf, type DocumentAsOf } from './as-of.ts'
import { bodyKey, type BodyName } from './bodies.ts'
import { basisOfFreeze, type Freeze, type OverlayOptions } from './overlay.ts'

export interface HeldArchivesOptions extends Pick<OverlayOptions, 'positionAt'> {
  readonly asOf: DocumentAsOf
  /** Those that a body names. */
  readonly archivesIn: (
    body: BodyName,
    packageName: PackageName,
  ) => Promise<readonly DocumentArchive[]>
}

/** The archives of the versions that a package is frozen with. */
interface HeldArchives {
  readonly at: Instant
  readonly has: (archive: ArchiveTokens) => boolean
  /** By which SHA-1 the document names it, if it does. */
  readonly sha1Of: (archive: ArchiveTokens) => string | undefined
}

/** Of documents, the archives that they name: a few kilobytes for each. */
const documentsMax = 200

export function createHeldArchives(
  options: HeldArchivesOptions,
): (packageName: PackageName, freeze: Freeze) => Promise<HeldArchives> {
  const { asOf, positionAt, archivesIn } = options
  const known = new LRUCache<string, ReadonlyMap<string, string | null>>({ max: documentsMax })
  const find = bodyAsOf(asOf)

  async function namedIn(document: DocumentName, basis: Basis, packageName: PackageName) {
    const body = await find(document, basis)
    if (body === undefined) return new Map<string, string | null>()
    const key = `${document} ${bodyKey(body)}`
    const before = known.get(key)
    if (before !== undefined) return before
    const archives = await archivesIn(body, packageName)
    const named = new Map(archives.map((archive) => [keyOf(archive), archive.sha1]))
    known.set(key, named)
    return named
  }

  return async (packageName, freeze) => {
    const basis = await basisOfFreeze(freeze, positionAt)
    const [tags, branches] = await Promise.all([
      namedIn(documentName(packageName, 'tags'), basis, packageName),
      namedIn(documentName(packageName, 'branches'), basis, packageName),
    ])
    return {
      at: freeze.at,
      has: (archive) => tags.has(keyOf(archive)) || branches.has(keyOf(archive)),
      sha1Of(archive) {
        const key = keyOf(archive)
        return tags.get(key) ?? branches.get(key) ?? undefined
      },
    }
  }
}

function keyOf({ versionToken, referenceToken }: ArchiveTokens): string {
  return `${versionToken} ${referenceToken}`
}
