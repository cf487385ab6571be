import { z } from 'zod'
import { PackageName } from '../composer/names.ts'
import { Instant } from '../time-machine/instant.ts'
import { event, Sha256, sizeBytes, text, written } from './event-schema.ts'

/** A version of a package of our own, by the name in its composer.json and as Composer compares it. */
const version = { packageName: PackageName, version: text, versionNormalized: text } as const

/**
 * A version of a package of our own was published: a tag once and for good, a branch whenever it moves.
 * What its composer.json says is in the document; its archive is a blob, kept for good.
 */
export const PrivateVersionPublished = event('PrivateVersionPublished', {
  ...version,
  /** Of the archive: the name of its blob, and the reference in metadata. */
  sha256: Sha256,
  /** Lower-case hex: `shasum` in metadata. */
  sha1: z.string().regex(/^[0-9a-f]{40}$/),
  sizeBytes,
  treeSha256: Sha256,
  /** The document of tags or of branches with this version in it, a snapshot; it is there before this. */
  documentSha256: Sha256,
  /** As the document says, by the clock of the node that published it. */
  publishedAt: Instant,
  /** As the document says in the place of it: when another registry published it, which was taken over from there. */
  publishedTime: Instant.optional(),
  /** Its vendor had public packages here, and whoever published it knew. */
  claimed: z.literal(true).optional(),
  ...written,
})

/** A version is gone from now on; pins from before and locks go on having it. */
export const PrivateVersionWithdrawn = event('PrivateVersionWithdrawn', {
  ...version,
  /** The document without it. */
  documentSha256: Sha256,
  ...written,
})

/**
 * A vendor that publications had reserved has public packages again; what was ever published in it stays reserved. It is
 * reserved as a whole again by the next publication of a package that it didn't have until then.
 */
export const VendorOpened = event('VendorOpened', {
  /** Lower case. */
  vendor: z.string().max(200),
  ...written,
})

/** An install takes 1,050 bytes of JSON at most, so an event of them stays below 64 KiB. */
export const installsPerEventMax = 60
/** There are recorded events with as many as this. */
const installsReadMax = 120

/** What Composer reported as installed since the last such event. */
export const PackagesInstalled = event('PackagesInstalled', {
  installs: z
    .array(
      z.object({
        packageName: PackageName,
        /** As Composer compares it. */
        versionNormalized: z.string().max(200),
        /** Who asked, such as `anonymous` or `token 0b6f3c1e-…`. */
        actor: z.string().min(1).max(100),
        /** The last time, by the clock of the node that was told. */
        at: Instant,
        count: z.int().positive(),
      }),
    )
    .max(installsReadMax),
})
