import { z } from 'zod'
import { isLinkConstraint } from './constraints.ts'
import type { JsonObject } from './minify.ts'
import { normalizeVersion } from './versions.ts'

// What a terminal or a command line could be fooled with: Composer hands references and URLs to git
// and prints versions, and old clients don't check them.
const plain = z
  .string()
  .max(255)
  .refine((text) => !/\p{Cc}/u.test(text), 'has control characters')
const argument = plain.refine((text) => !text.startsWith('-'), 'looks like an option')
const address = z
  .string()
  .max(2000)
  .refine((text) => !/^-|\p{Cc}/u.test(text), 'looks like an option or has control characters')

const constraint = z.string().refine(isLinkConstraint, 'not a constraint')
const links = z.record(z.string(), constraint).or(z.array(z.never())).optional()

/** What Composer's loader throws at, and so refuses the whole document for. */
const Loadable = z.object({
  name: plain.optional(),
  version: plain.min(1),
  version_normalized: plain.optional(),
  source: z.object({ type: plain, url: address, reference: argument }).nullish(),
  dist: z
    .object({ type: plain, url: address, reference: argument.nullish(), shasum: plain.nullish() })
    .nullish(),
  require: links,
  'require-dev': links,
  conflict: links,
  provide: links,
  replace: links,
})

/**
 * Why Composer couldn't load this (expanded) version, or shouldn't be given it; undefined when it can
 * be served. One such version costs Composer the whole document.
 */
export function problemOfVersion(version: JsonObject): string | undefined {
  const parsed = Loadable.safeParse(version)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`
  }
  const { version: asWritten, version_normalized: normalized } = parsed.data
  if (normalized === undefined && normalizeVersion(asWritten) === undefined) {
    return 'version: not a version that Composer knows'
  }
  return undefined
}
