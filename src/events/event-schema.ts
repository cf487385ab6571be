import { z } from 'zod'
import { RequestId } from '../request-id.ts'

/** Lower-case hex. Names a snapshot or a blob by its content. */
export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand('Sha256')
export type Sha256 = z.infer<typeof Sha256>

/** Lower-case hex. What metadata names the bytes of an archive by. */
export const Sha1 = z
  .string()
  .regex(/^[0-9a-f]{40}$/)
  .brand('Sha1')
export type Sha1 = z.infer<typeof Sha1>

export const sizeBytes = z.int().nonnegative()

export const text = z.string().max(500)

/** Why somebody does something, in their own words. A NUL or half a character can't be stored as text. */
export const Reason = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be one line of text, without control characters')

/** What the event of every admin write says beside what was done. */
export const written = {
  /** Who did it, such as `admin`. */
  actor: z.string().min(1).max(100),
  requestId: RequestId,
  reason: Reason.optional(),
} as const

/** A type of event: its name, and what its data has. */
export function event<Type extends string, Data extends z.ZodRawShape>(
  type: Type,
  data: Data,
): z.ZodObject<{ type: z.ZodLiteral<Type>; data: z.ZodObject<Data> }> {
  return z.object({ type: z.literal(type), data: z.object(data) })
}
