import type { Projection } from '../src/projector/projection.ts'
import { alert } from './alert.ts'
import { archive } from './archive.ts'
import { blobUse } from './blob-use.ts'
import { documentDigest } from './document-digest.ts'
import { document } from './document.ts'
import { freeze } from './freeze.ts'
import { packageReference } from './package-reference.ts'
import { install } from './install.ts'
import { privateListing } from './private-listing.ts'
import { privatePackage } from './private-package.ts'
import { token } from './token.ts'
import { usage } from './usage.ts'
import { versionRule } from './version-rule.ts'

/** Every read model; each is independent of the others. */
export const projections: readonly Projection[] = [
  document,
  documentDigest,
  packageReference,
  archive,
  blobUse,
  usage,
  freeze,
  versionRule,
  alert,
  privatePackage,
  privateListing,
  install,
  token,
]
