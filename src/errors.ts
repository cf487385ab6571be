/** Every expected way to fail a request. Closed: http/errors.ts must answer each code. */
export type ErrorCode =
  | 'invalid_request'
  | 'invalid_instant'
  | 'unauthorized'
  | 'forbidden'
  | 'cross_site'
  | 'route_not_found'
  | 'method_not_allowed'
  | 'package_not_found'
  | 'package_reserved'
  | 'version_not_found'
  | 'package_invalid'
  | 'version_exists'
  | 'vendor_is_public'
  | 'vendor_reserved'
  | 'not_known_then'
  | 'archive_not_found'
  | 'alert_not_found'
  | 'token_not_found'
  | 'token_not_rotatable'
  | 'archive_refused'
  | 'archive_blocked'
  | 'archive_held_back'
  | 'archive_invalid'
  | 'archive_lost'
  | 'archive_not_here'
  | 'archive_unavailable'
  | 'allowance_used_up'
  | 'no_connection_left'
  | 'too_large'
  | 'upload_broke_off'
  | 'no_room'
  | 'unsupported_media_type'
  | 'upstream_unavailable'
  | 'database_unavailable'
  | 'still_catching_up'

export interface AppErrorOptions extends ErrorOptions {
  /** When it may be worth asking again, if that is known. */
  readonly retryAfterSeconds?: number
}

/** An expected failure of a request. Anything else that is thrown is a bug, and becomes a 500. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly retryAfterSeconds: number | undefined

  /** @param message is public: no secrets, no SQL, no upstream text. Put the origin in `cause`. */
  constructor(code: ErrorCode, message: string, options?: AppErrorOptions) {
    super(message, options)
    this.code = code
    this.retryAfterSeconds = options?.retryAfterSeconds
  }
}

/** Why the service can't start, in words that tell the operator what to do. Ends the process with code 1. */
export class StartupError extends Error {
  override readonly name = 'StartupError'
}
