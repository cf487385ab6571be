import type { PackageName } from '../composer/names.ts'
import { rewriteDists } from '../composer/rewrite-dists.ts'
import { withAdvisories } from '../composer/security-advisories.ts'
import { servablePart, type ServablePart } from '../composer/servable-part.ts'
import { type Ruled, withRules } from '../composer/version-rules.ts'
import type { Instant } from '../time-machine/instant.ts'
import { reconstructDocument } from '../time-machine/reconstruct.ts'

/** What is made of a recorded body before it is sent; see `BodyName` in bodies.ts. */
export interface Rendition {
  readonly servable?: ServablePart | undefined
  readonly reconstructed?: { readonly packageName: PackageName; readonly at: Instant } | undefined
  /** As JSON; `advisories` undefined: none, not even an empty list. */
  readonly told?:
    { readonly packageName: PackageName; readonly advisories: string | undefined } | undefined
  readonly ruled?: Ruled | undefined
  readonly rewritten?: { readonly packageName: PackageName; readonly publicUrl: string } | undefined
}

/** Pure. @throws DocumentUnreadable when the body is past a limit of today. */
export function renderBody(
  body: Buffer,
  { servable, reconstructed, told, ruled, rewritten }: Rendition,
): Buffer {
  let bytes = body
  if (servable !== undefined) bytes = servablePart(bytes, servable)
  if (reconstructed !== undefined) {
    bytes = reconstructDocument(bytes, reconstructed.packageName, reconstructed.at)
  }
  if (told !== undefined) bytes = withAdvisories(bytes, told.packageName, told.advisories)
  if (ruled !== undefined) bytes = withRules(bytes, ruled)
  if (rewritten === undefined) return bytes
  return rewriteDists(bytes, rewritten.packageName, rewritten.publicUrl)
}
