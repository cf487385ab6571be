import { z } from 'zod'
import { Instant } from '../time-machine/instant.ts'
import { event, Sha256, text, written } from './event-schema.ts'

/** What a token allows: `admin` is all three. Without `vendors`, of all packages. */
export const Grant = z.object({
  scope: z.enum(['read', 'publish', 'admin']),
  /** Lower case: the part of a package's name before the slash. */
  vendors: z.array(z.string().max(100)).min(1).max(100).readonly().optional(),
})
export type Grant = Readonly<z.infer<typeof Grant>>

/** Somebody was given a token. Itself it is nowhere: whoever got it was shown it once. */
export const TokenIssued = event('TokenIssued', {
  tokenId: z.uuid(),
  /** What it is for, in somebody's words. */
  name: text,
  /** Of the token. */
  sha256: Sha256,
  grants: z.array(Grant).min(1).max(10),
  expiresAt: Instant.optional(),
  /** It takes the place of another, which counts until then. */
  replaces: z.object({ tokenId: z.uuid(), until: Instant }).optional(),
  ...written,
})

export const TokenRevoked = event('TokenRevoked', { tokenId: z.uuid(), ...written })

/** A use takes 130 bytes of JSON at most, so an event of them stays below 64 KiB. */
export const usesPerEventMax = 400

/** Which tokens were shown since the last such event. */
export const TokensUsed = event('TokensUsed', {
  uses: z
    .array(
      z.object({
        tokenId: z.uuid(),
        /** The last time, by the clock of the node that it was shown to. */
        at: Instant,
        count: z.int().positive(),
      }),
    )
    .max(usesPerEventMax),
})
