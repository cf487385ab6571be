import { AppError } from '../errors.ts'

/** A NUL, or half of a surrogate pair: PostgreSQL stores neither as text, and no name or reason has one. */
const unstorable = /[\0\p{Cs}]/u

/**
 * Refuses text that can't be stored, wherever a request has it: parts of the path, the query, and bodies.
 *
 * @throws AppError `invalid_request`
 */
export function refuseUnstorable(texts: Iterable<string | undefined>): void {
  for (const text of texts) {
    if (text !== undefined && unstorable.test(text)) throw unstorableText()
  }
}

/** The same for `JSON.parse`, of each name and value. */
export function storableOnly(name: string, value: unknown): unknown {
  refuseUnstorable(typeof value === 'string' ? [name, value] : [name])
  return value
}

function unstorableText(): AppError {
  return new AppError('invalid_request', 'NUL and unpaired surrogates are no text here')
}
