import { isJsonObject, type JsonObject } from './minify.ts'
import type { LeftOut } from './own-content.ts'

export interface Notice {
  /** Of Composer: a constraint. */
  readonly versions: string
  readonly message: string
}

/** What Composer prints for the person who runs it, out of any JSON that a repository answers with. */
export interface Notices {
  readonly warning?: string
  readonly 'warning-versions'?: string
  readonly info?: string
  readonly 'info-versions'?: string
  readonly warnings?: readonly Notice[]
  readonly infos?: readonly Notice[]
}

const textKeys = ['warning', 'warning-versions', 'info', 'info-versions'] as const
const keys = [...textKeys, 'warnings', 'infos'] as const

/** Packagist has one or two; a terminal shows no more than these before what matters is out of sight. */
const noticesMax = 20

/** While nobody has said how this server is reached: what is made with the URL that it goes by then is of no use elsewhere. */
export function trialNotice(publicUrl: string): string {
  const { hostname } = new URL(publicUrl)
  return `for trying out: locks made now will name ${hostname}; set PUBLIC_URL before you commit one`
}

/** The notices in upstream's JSON, fit to be printed. What isn't one in Composer's form is left out. */
export function noticesIn(upstream: JsonObject): Notices {
  const words: Record<string, string> = {}
  for (const key of textKeys) {
    const text = upstream[key]
    if (typeof text === 'string') words[key] = shortened(text)
  }
  const warnings = noticeList(upstream['warnings'])
  const infos = noticeList(upstream['infos'])
  return {
    ...words,
    ...(warnings.length > 0 && { warnings }),
    ...(infos.length > 0 && { infos }),
  }
}

/** JSON with its notices fit to be printed: the very object when they are, or when it has none. */
export function withPrintableNotices(top: JsonObject): {
  readonly top: JsonObject
  readonly others: readonly LeftOut[]
} {
  const sent = keys.filter((key) => Object.hasOwn(top, key))
  const fit = noticesIn(top)
  const unfit = sent.filter((key) => JSON.stringify(top[key]) !== JSON.stringify(fit[key]))
  if (unfit.length === 0) return { top, others: [] }
  const kept = Object.entries(top).flatMap(([key, value]) => {
    const index = unfit.findIndex((each) => each === key)
    const replaced = unfit[index] === undefined ? value : fit[unfit[index]]
    return replaced === undefined ? [] : [[key, replaced] as const]
  })
  return {
    top: Object.fromEntries(kept),
    others: unfit.map((version) => ({ version, problem: 'notices: not fit to be printed' })),
  }
}

function noticeList(upstream: unknown): readonly Notice[] {
  const notices = Array.isArray(upstream) ? upstream.filter(isJsonObject) : []
  return notices.slice(0, noticesMax).flatMap(({ versions, message }) => {
    if (typeof versions !== 'string' || typeof message !== 'string') return []
    return [{ versions: shortened(versions), message: shortened(message) }]
  })
}

/** Several sentences have a few hundred characters. */
const textLengthMax = 2_000

function shortened(text: string): string {
  return printable(text.slice(0, textLengthMax))
}

/**
 * What acts on a terminal instead of being shown by it: control characters (C1 too: U+009B begins an escape
 * sequence), ends of lines and paragraphs, and what turns the direction of text round. And halves of surrogate
 * pairs, at which PHP refuses all of the JSON.
 */
const acting = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** Text for a terminal: Composer before 2.7 prints what it gets as it is. */
export function printable(text: string): string {
  return text.replaceAll(acting, '')
}

/** Text of several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

/** The same for all text in JSON, names of members included. */
export function printableJson(value: unknown): unknown {
  if (typeof value === 'string') return printable(value)
  if (Array.isArray(value)) return value.map(printableJson)
  if (!isJsonObject(value)) return value
  const members = Object.entries(value)
  return Object.fromEntries(
    members.map(([name, member]) => [printable(name), printableJson(member)]),
  )
}
