import { z } from 'zod'
import { isDistType } from './dist-types.ts'
import { isPhpArray } from './php-values.ts'
import { notAnArray, thrownAtBy } from './thrown-at.ts'
import { versionLengthMax } from './versions.ts'

// What a terminal or a command line could be fooled with: Composer hands references and URLs to git
// and prints versions, and old clients don't check them.
const plain = z
  .string()
  .max(versionLengthMax)
  .refine((text) => !/\p{Cc}/u.test(text), 'has control characters')
/** References and versions become parts of paths in caches. */
const segment = plain.refine((text) => !text.includes('..'), 'has two dots in a row')
const notAnOption = (text: string) => !/^\s*-/.test(text)
const argument = segment.refine(notAnOption, 'looks like an option')
/** Composer makes text of it. */
const reference = z.preprocess(
  (value) => (typeof value === 'boolean' || typeof value === 'number' ? String(value) : value),
  argument,
)
/** What git runs a program for (`ext::sh -c …`), and a host that ssh takes for an option. */
const command = /^[a-z0-9+.-]+::|:\/\/(?:[^/@]*@)?-/i
const address = z
  .string()
  .max(2000)
  .refine(
    (text) => notAnOption(text) && !/\p{Cc}/u.test(text),
    'looks like an option or has control characters',
  )
  .refine((text) => !command.test(text), 'names a command to run')
/** Composer installs archives, and links directories, of the machine it runs on, too: nobody looks through those. */
const webAddress = address.refine((text) => /^https?:\/\//i.test(text), 'is not on the web')

/** What Windows and Composer have other uses for. */
const reserved = /(?:^|\/)(?:nul|con|prn|aux|com[1-9]|lpt[1-9])(?:\/|$)|\.json$/i

/** Composer leaves a mirror without an address alone until it wants it. */
function mirrorsAt(url: typeof address) {
  return z
    .custom<object>(isPhpArray, notAnArray)
    .nullish()
    .superRefine((mirrors, context) => {
      for (const [key, mirror] of Object.entries(mirrors ?? {})) {
        if (!isPhpArray(mirror) || !('url' in mirror) || typeof mirror.url !== 'string') continue
        const [issue] = url.safeParse(mirror.url).error?.issues ?? []
        if (issue === undefined) continue
        context.addIssue({ code: 'custom', path: [key, 'url'], message: issue.message })
        return
      }
    })
}

/** What names a version and says where it is from: Composer throws at other values, or nobody should be given them. */
export const namingFields = {
  name: plain.refine(
    (name) => !reserved.test(name),
    thrownAtBy('Composer 2.8 to 2.11', 'a reserved name'),
  ),
  version: segment.min(1).refine((version) => version !== '0', 'what PHP takes for none'),
  version_normalized: segment.nullish(),
  source: z.object({ type: plain, url: address, reference, mirrors: mirrorsAt(address) }).nullish(),
  dist: z
    .object({
      type: plain.refine(isDistType, 'not a type of archives'),
      url: webAddress,
      reference: reference.nullish(),
      shasum: plain.nullish(),
      mirrors: mirrorsAt(webAddress),
    })
    .nullish(),
} as const
