import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What a document has for pasting. */
export interface Block {
  /** Such as `sh`. */
  readonly language: string
  readonly text: string
  /** Of its first line, as editors count. */
  readonly line: number
}

/** The fenced blocks of a document, in order. @param name from the project's root, such as `docs/PROXY.md`. */
export function blocksOf(name: string): readonly Block[] {
  const text = readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), 'utf8')
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map((match) => ({
    language: match[1] ?? '',
    text: match[2] ?? '',
    line: text.slice(0, match.index).split('\n').length + 1,
  }))
}

/**
 * The text with other values at its places.
 *
 * @throws Error when it lacks one: then what is tried isn't what is written.
 */
export function filledIn(text: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((filled, [place, value]) => {
    if (!filled.includes(place)) throw new Error(`there is no ${place} in:\n${text}`)
    return filled.replaceAll(place, value)
  }, text)
}
