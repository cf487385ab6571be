import { matchesGlob, vendorOfPattern } from '../../composer/vendor-patterns.ts'

/** Packagist's search engine reads no more than 512 bytes. */
const textLengthMax = 200

/**
 * Ways to write one character by others: percent signs, entities, escapes of JSON and PHP, and what can't be seen.
 * Nobody types those into a search, and whoever decodes them reads something else.
 */
const encoded =
  /%[0-9a-f]{2}|&#|&[a-z]+;|\\[ux][0-9a-f{]|[\p{Cc}\p{Default_Ignorable_Code_Point}\p{Co}\p{Cn}]/iu

/**
 * A text that somebody typed, in words, numbers and the signs inside of names: whatever is decoded in it stays what
 * it is. undefined: it is written so that this can't be said of it, or too long.
 */
export function plainWords(text: string): string | undefined {
  if (text.length > textLengthMax || /\p{Cs}/u.test(text)) return undefined
  // Full-width letters, ligatures, letters in circles … become what they are read as.
  const plain = text.replaceAll(/[\t\n\r]/g, ' ').normalize('NFKC')
  if (plain.length > textLengthMax || encoded.test(plain) || mixesLetters(plain)) return undefined
  return plain.replaceAll(/[^\p{L}\p{M}\p{N}+#_./-]+/gu, ' ').trim()
}

/** Whether letters of another script, many of which look the same, are in a word with Latin ones. */
function mixesLetters(text: string): boolean {
  const words = text.split(/[^\p{L}\p{M}]+/u)
  return words.some((word) => {
    return /\p{Script=Latin}/u.test(word) && /(?!\p{Script=Latin})\p{L}/u.test(word)
  })
}

/**
 * Whether a text has the name of a reserved vendor as a word, or as several: `acme-corp` is in `Acme Corp` and
 * `acmecorp`, `acme` in `acme-tools`, `x/acme.log`, `AcmeLog` and `a.c.m.e` but not in `acmeish`. Letters with accents
 * count as those without.
 *
 * The vendor of a reserved package counts like a reserved one, since which of its packages is meant isn't known.
 *
 * @param patterns in lower case: see vendor-patterns.ts.
 */
export function namesVendor(text: string, patterns: readonly string[]): boolean {
  const readings = readingsOf(text)
  return patterns.some((pattern) => {
    const vendor = vendorOfPattern(pattern).replaceAll(/[_.-]+/g, '-')
    const spellings = vendor.includes('*') ? [vendor] : [vendor, vendor.replaceAll('-', '')]
    return spellings.some((spelling) => readings.some((words) => isAmongWords(words, spelling)))
  })
}

/** Whether a pattern of names, such as `acm*`, may stand for those of a reserved vendor; `*` alone says nothing. */
export function mayStandForVendor(glob: string, patterns: readonly string[]): boolean {
  const vendorGlob = vendorOfPattern(glob.toLowerCase())
  if (!/[a-z0-9]/.test(vendorGlob)) return false
  return patterns.some((pattern) => {
    const vendor = vendorOfPattern(pattern)
    return vendor.includes('*') ? beginAlike(vendor, vendorGlob) : matchesGlob(vendor, vendorGlob)
  })
}

/** Of two patterns, as far as both say how names begin. */
function beginAlike(one: string, other: string): boolean {
  const [first = ''] = one.split('*')
  const [second = ''] = other.split('*')
  return first.startsWith(second) || second.startsWith(first)
}

/** The words of a text, with a hyphen before and behind each: as written, with capitals as beginnings, letters joined. */
function readingsOf(text: string): readonly string[] {
  const written = joinedWords(text)
  const beginnings = joinedWords(text.replaceAll(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})/gu, '-'))
  const letters = written.replaceAll(/(?<=-[^-])-(?=[^-]-)/gu, '')
  return [written, beginnings, letters]
}

function joinedWords(text: string): string {
  const letters = text.normalize('NFKD').replaceAll(/\p{M}/gu, '')
  // Through capitals: there are small letters without a dot or of another form that share theirs.
  const lower = letters.toUpperCase().toLowerCase()
  return `-${lower.normalize('NFKD').replaceAll(/[^\p{L}\p{N}]+/gu, '-')}-`
}

/** By hand: patterns of many stars make a regular expression take for ever. */
function isAmongWords(joined: string, pattern: string): boolean {
  const parts = `-${pattern}-`.split('*')
  let from = 0
  for (const part of parts) {
    const at = joined.indexOf(part, from)
    if (at === -1) return false
    from = at + part.length
  }
  return true
}
