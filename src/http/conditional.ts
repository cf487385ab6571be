import type { IncomingHttpHeaders } from 'node:http'

export interface Validators {
  /** With its quotes. */
  readonly etag: string
  /** As it is sent. */
  readonly lastModified: string | undefined
}

/**
 * Whether what the client has is what it would get: 304. Dates are compared for equality only: with
 * "not newer than", a client that saw a later state would keep it when it is pinned to an earlier one.
 */
export function isNotModified(headers: IncomingHttpHeaders, validators: Validators): boolean {
  const tags = headers['if-none-match']
  if (tags !== undefined) return namesTag(tags, validators.etag)
  const { lastModified } = validators
  return lastModified !== undefined && headers['if-modified-since'] === lastModified
}

/** Whether an `If-None-Match` has this ETag, or any; one that is marked weak counts too. */
export function namesTag(tags: string, etag: string): boolean {
  const listed = tags.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.trim() === '*' || listed.includes(etag)
}
