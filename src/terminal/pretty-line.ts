import { isJsonObject, type JsonObject } from '../composer/minify.ts'
import { printable } from '../composer/notices.ts'

/** How something is shown on a terminal that has colours. */
const looks = {
  dim: 2,
  bold: 1,
  red: 31,
  yellow: 33,
  green: 32,
  cyan: 36,
  alarm: '1;41;37',
} as const

type Look = keyof typeof looks

export type Paint = (text: string, look: Look) => string

export const coloured: Paint = (text, look) => `\x1b[${looks[look]}m${text}\x1b[0m`
export const plain: Paint = (text) => text

const levels: Readonly<Record<number, readonly [word: string, look: Look]>> = {
  10: ['trace', 'dim'],
  20: ['debug', 'dim'],
  30: ['info ', 'green'],
  40: ['warn ', 'yellow'],
  50: ['error', 'red'],
  60: ['fatal', 'alarm'],
}

const messageLengthMax = 1_000
const valueLengthMax = 300
const fieldsMax = 24
const stackLinesMax = 24
const causesMax = 4

/** What isn't shown with the other fields: what has a place of its own, and what is the same in every line. */
const placed = new Set(
  'level time pid hostname msg method host path status package packageName document durationMs duration_ms err'.split(
    ' ',
  ),
)

/**
 * A line of the log for a person: time (UTC), level, what, package, how long it took, and then everything else;
 * below it the stack of an error. Ends with a line break.
 *
 * Nothing in it acts on the terminal but our own colours, whoever has written it, and no line is endless.
 */
export function prettyLine(line: string, paint: Paint): string {
  const entry = objectIn(line)
  if (entry === undefined) return `${shown(line, messageLengthMax)}\n`
  const [word, look] = levels[Number(entry['level'])] ?? ['     ', 'dim']
  const durationMs = entry['durationMs'] ?? entry['duration_ms']
  const parts: readonly (readonly [text: string, look?: Look])[] = [
    [timeOf(entry['time']), 'dim'],
    [word, look],
    [shown(textOf(entry['msg'] ?? ''), messageLengthMax), 'bold'],
    [asked(entry)],
    ...['package', 'packageName', 'document'].flatMap((key) => {
      return entry[key] === undefined ? [] : [[shownValue(entry[key]), 'cyan'] as const]
    }),
    [typeof durationMs === 'number' ? `${Math.round(durationMs)} ms` : ''],
    [otherFields(entry), 'dim'],
  ]
  const first = parts
    .filter(([text]) => text !== '')
    .map(([text, how]) => (how === undefined ? text : paint(text, how)))
    .join('  ')
  return [first, ...stackOf(entry['err']).map((each) => paint(`    ${each}`, 'dim')), ''].join('\n')
}

function objectIn(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Of the day only: whoever looks at a terminal knows which day it is. */
function timeOf(ms: unknown): string {
  const date = new Date(typeof ms === 'number' ? ms : Number.NaN)
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(11)
}

/** A request, ours or to upstream: `GET host/path 200`. */
function asked({ method, host = '', path = '', status = '' }: JsonObject): string {
  if (method === undefined) return ''
  const what = `${textOf(method)} ${textOf(host)}${textOf(path)} ${textOf(status)}`
  return shown(what, valueLengthMax).trim()
}

function otherFields(entry: JsonObject): string {
  const others = Object.entries(entry).filter(([key, value]) => {
    return value !== null && !(placed.has(key) && isShownApart(key, entry))
  })
  const few = others.slice(0, fieldsMax)
  const left = others.length - few.length
  return [
    ...few.map(([key, value]) => `${shown(key, 40)}=${shownValue(value)}`),
    ...(left > 0 ? [`and ${left} more`] : []),
  ].join(' ')
}

/** Without a method they are fields like all others. */
function isShownApart(key: string, { method }: JsonObject): boolean {
  return method !== undefined || !['host', 'path', 'status'].includes(key)
}

function shownValue(value: unknown): string {
  const text = textOf(value)
  const isWord = typeof value !== 'string' || /^[^\s"=]+$/.test(text)
  return shown(isWord ? text : JSON.stringify(text), valueLengthMax)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** On one line: what would break it is a space. */
function shown(text: string, lengthMax: number): string {
  const begin = text.slice(0, lengthMax)
  const end = text.length > lengthMax ? '…' : ''
  return `${printable(begin.replaceAll(/\s+/g, ' '))}${end}`
}

/** Its stack, or what there is, and those of its causes. */
function stackOf(error: unknown, depth = 0): readonly string[] {
  if (error === undefined || error === null) return []
  if (!isJsonObject(error)) return [shownValue(error)]
  const { cause } = error
  const text = textOf(error['stack'] ?? error['message'] ?? error)
  const lines = text.slice(0, stackLinesMax * valueLengthMax).split('\n', stackLinesMax)
  const own = lines.map((each) => shown(each, valueLengthMax))
  if (cause === undefined || depth >= causesMax) return own
  const [first = '', ...rest] = stackOf(cause, depth + 1)
  return [...own, `caused by ${first}`, ...rest]
}
