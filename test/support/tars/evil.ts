import { evilEnds } from './evil-ends.ts'
import { evilHeaders } from './evil-headers.ts'
import { evilNames } from './evil-names.ts'
import { evilPackings } from './evil-packings.ts'

/** "A tar with …", what has to be said of it, and the tar. */
export type EvilTar = readonly [what: string, problem: RegExp, bytes: () => Buffer]

export const evilTars: readonly EvilTar[] = [
  ...evilEnds,
  ...evilHeaders,
  ...evilNames,
  ...evilPackings,
]
