import type { IncomingMessage } from 'node:http'
import type { Answer, Route } from './route.ts'

/** What was answered lately and may be given again, by URL. It is all forgotten whenever anything happens. */
export interface Repeats {
  readonly get: (url: string) => Repeat | undefined
  /** To be called before an answer is made; what it returns keeps it, unless it may be outdated by then. */
  readonly begin: () => (url: string, repeat: Repeat) => void
}

export interface Repeat {
  readonly route: Route
  readonly answer: Answer
}

/** What an answer may depend on, beside the URL. */
const telling = [
  'authorization',
  'range',
  'if-range',
  'if-none-match',
  'if-modified-since',
  'content-length',
  'transfer-encoding',
] as const

/** Whether a request says no more than which URL it wants. */
export function isPlain({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && telling.every((name) => headers[name] === undefined)
}
