import { may } from '../../access/principal.ts'
import { type DocumentName, isOfTags, type PackageName, vendorOf } from '../../composer/names.ts'
import { emptyDocument } from '../../composer/own-document.ts'
import type { VersionRule } from '../../composer/version-rules.ts'
import { AppError } from '../../errors.ts'
import type { Position, Sha256 } from '../../events/types.ts'
import type { Basis } from '../../metadata/as-of.ts'
import type { Overlay, PackageDocument, ServedDocument } from '../../metadata/overlay.ts'
import type { SnapshotStore } from '../../snapshots/store.ts'
import { Instant } from '../../time-machine/instant.ts'
import type { IsReserved } from '../reserved.ts'

/** A state of a document; see projections/private-package.ts. */
interface OwnState {
  readonly recorded_at: Instant
  readonly sha256: Sha256
}

export interface OwnDocumentsOptions {
  /** Of the newest state, at or before a position when one is given. */
  readonly stateOf: (document: DocumentName, position?: Position) => Promise<OwnState | undefined>
  /** Whether a version of it was ever published. */
  readonly isPublished: (packageName: PackageName) => Promise<boolean>
  /** The operator's own: what upstream lists is about packages of others. */
  readonly blocksOf: (packageName: PackageName) => Promise<readonly VersionRule[]>
  readonly snapshots: Pick<SnapshotStore, 'put'>
}

/**
 * Documents of packages of our own. What isn't published is 404; a published package without versions of the
 * kind or at the instant that is asked for has an empty list, so that Composer doesn't look elsewhere for it.
 *
 * They are dated by their bytes, since what is written depends on the settings and on blocks as well.
 */
export function createOwnDocuments(options: OwnDocumentsOptions): Overlay {
  const { stateOf, blocksOf, isPublished, snapshots } = options

  async function serve(
    { document, packageName }: PackageDocument,
    state: OwnState | undefined,
  ): Promise<Omit<ServedDocument, 'asOf'>> {
    const { sha256, recorded_at } = state ?? (await empty(packageName))
    const rules = await blocksOf(packageName)
    const otherLists = isOfTags(document) ? {} : undefined
    const ruled = rules.length === 0 ? {} : { ruled: { packageName, rules, otherLists } }
    const body = { sha256, reconstructed: undefined, rewrittenFor: packageName, ...ruled }
    const datedFrom = recorded_at
    return { body, lastModified: undefined, datedFrom, staleSeconds: undefined }
  }

  async function empty(packageName: PackageName): Promise<OwnState> {
    if (!(await isPublished(packageName))) {
      throw new AppError('package_not_found', `${packageName} is not published here`)
    }
    const sha256 = await snapshots.put(emptyDocument(packageName), undefined)
    return { sha256, recorded_at: beginning }
  }

  return {
    async now(asked) {
      return { ...(await serve(asked, await stateOf(asked.document))), asOf: undefined }
    },
    async asOf(asked, basis) {
      const state = await stateOf(asked.document, basis.position)
      return { ...(await serve(asked, state)), asOf: pastOf(state, basis) }
    },
  }
}

const beginning = Instant.parse('1970-01-01T00:00:00.000000Z')

/** Nothing happens to it that isn't recorded here. */
function pastOf(
  state: OwnState | undefined,
  { at, settled }: Basis,
): NonNullable<ServedDocument['asOf']> {
  return {
    confidence: settled ? 'exact' : 'unsettled',
    since: state?.recorded_at ?? at,
    until: at,
  }
}

/** Answers with what is ours of reserved packages, and of all others with what is upstream's. */
export function withOwnDocuments(
  upstreams: Overlay,
  { own, isReserved }: { readonly own: Overlay; readonly isReserved: IsReserved },
): Overlay {
  async function answer(
    { packageName, principal }: PackageDocument,
    ask: (overlay: Overlay) => Promise<ServedDocument>,
  ): Promise<ServedDocument> {
    const vendor = vendorOf(packageName)
    if (!(await isReserved(packageName))) {
      const served = await ask(upstreams)
      // Upstream may have taken long.
      if (!(await isReserved(packageName))) return served
    } else if (may(principal, 'read', vendor)) {
      return await ask(own)
    }
    // When the route looked at who asks, the vendor wasn't reserved.
    throw new AppError('still_catching_up', `${vendor} was claimed a moment ago; try again shortly`)
  }
  return {
    now: async (asked) => await answer(asked, async (overlay) => await overlay.now(asked)),
    asOf: async (asked, basis) =>
      await answer(asked, async (overlay) => await overlay.asOf(asked, basis)),
  }
}
