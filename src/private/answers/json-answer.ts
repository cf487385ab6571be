import { isJsonObject, type JsonObject } from '../../composer/minify.ts'
import { AppError } from '../../errors.ts'
import type { RelayAnswer } from '../../upstream/relay.ts'

/** @throws AppError `upstream_unavailable` when it is anything else. */
export function objectIn({ body }: RelayAnswer): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    value = undefined
  }
  if (isJsonObject(value)) return value
  throw new AppError('upstream_unavailable', 'upstream gave an answer that is no JSON object')
}

export function jsonOf(value: JsonObject): RelayAnswer {
  return { status: 200, body: Buffer.from(JSON.stringify(value)), lastModified: undefined }
}
