import { z } from 'zod'
import { parseInstant } from '../time-machine/instant.ts'

/** An instant in a query, to be parsed by `parseInstant`. */
export const InstantText = z
  .string()
  .refine(
    (text) => parseInstant(text) !== undefined,
    'must be an instant with its zone, like 2026-06-01T00:00:00Z',
  )
