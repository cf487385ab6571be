import type { PackageName } from '../composer/names.ts'
import type { Instant } from '../time-machine/instant.ts'
import { renderedDate } from '../time-machine/served-date.ts'
import type { BodyName } from './bodies.ts'

/** Which bytes of a package's document are sent, and the date that stands for them alone. */
interface Rendered {
  readonly body: BodyName
  /** Undefined: there is none that no other bytes have. */
  readonly lastModified: Instant | undefined
}

/** Chooses in which way a document is sent that was found. */
export type Render = (
  found: { readonly body: BodyName; readonly lastModified: Instant },
  packageName: PackageName,
) => Rendered

/** Upstream's own bytes. */
export const asRecorded: Render = ({ body, lastModified }) => ({ body, lastModified })

/** With all archives at this proxy. @param number of this way to write, from 1. */
export function withOwnDists(number: number): Render {
  return ({ body, lastModified }, packageName) => ({
    body: { ...body, rewrittenFor: packageName },
    lastModified: renderedDate(lastModified, number),
  })
}
