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
  if (tags !== undefined) return tags === '*' || tags.split(/\s*,\s*/).some(isTag(validators.etag))
  const { lastModified } = validators
  return lastModified !== undefined && headers['if-modified-since'] === lastModified
}

function isTag(etag: string): (candidate: string) => boolean {
  return (candidate) => candidate.replace(/^W\//, '') === etag
}
