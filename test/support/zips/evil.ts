import { evilContents } from './evil-contents.ts'
import { evilEnds } from './evil-ends.ts'
import { evilHeaders } from './evil-headers.ts'
import { evilNames } from './evil-names.ts'

/** "A zip with …", what has to be said of it, and the zip. */
export type EvilZip = readonly [what: string, problem: RegExp, bytes: () => Buffer]

export const evilZips: readonly EvilZip[] = [
  ...evilEnds,
  ...evilHeaders,
  ...evilNames,
  ...evilContents,
]
