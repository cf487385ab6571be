import { STATUS_CODES } from 'node:http'
import type { FetchCause, FetchFailure } from '../events/types.ts'

/** Why there is no answer of use, and from whom. */
export interface Why {
  readonly cause: FetchCause
  /** Of what was answered, if anything was. */
  readonly status?: number | undefined
  /** That was asked, with its port unless that is the usual one: one that an operator named. */
  readonly host: string
}

/** Of a URL that metadata may have: not each is one. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'upstream'
}

type Finer = Exclude<FetchCause, FetchFailure>

const reasons: Readonly<Record<Finer, FetchFailure>> = {
  name_not_found: 'connection',
  name_server_failed: 'connection',
  connection_refused: 'connection',
  no_route: 'connection',
  connection_broke_off: 'connection',
  not_http: 'connection',
  certificate_untrusted: 'connection',
  certificate_expired: 'connection',
  certificate_of_another_name: 'connection',
  certificate_invalid: 'connection',
  tls_failed: 'connection',
  name_timed_out: 'timeout',
  connecting_timed_out: 'timeout',
  answer_timed_out: 'timeout',
  body_timed_out: 'timeout',
  told_to_wait: 'status',
  address_not_public: 'redirects',
  proxy_refused: 'connection',
}

export function reasonOf(cause: FetchCause): FetchFailure {
  return isFiner(cause) ? reasons[cause] : cause
}

/** Whether it says more than its reason does. */
export function isFiner(cause: FetchCause): cause is Finer {
  return Object.hasOwn(reasons, cause)
}

const predicates: Readonly<Record<FetchCause, string>> = {
  status: 'answered %status%',
  told_to_wait: 'answered %status% and wants to be left alone for a while',
  redirects: 'redirects to where nothing is asked',
  too_large: 'sent more than is taken',
  invalid_encoding: "sent what can't be decoded",
  invalid_document: 'sent what is no Composer document of that name',
  connection: 'could not be reached: the connection failed',
  timeout: 'could not be reached: timed out',
  name_not_found: 'could not be reached: name not found',
  name_server_failed:
    'could not be reached: its name could not be looked up, since the name server gave no answer',
  connection_refused: 'could not be reached: connection refused',
  no_route: 'could not be reached: there is no route to it',
  connection_broke_off: 'could not be reached: the connection broke off',
  not_http: 'could not be reached: what answers there does not speak HTTP as it should',
  certificate_untrusted:
    'could not be reached: its certificate is from nobody trusted here; NODE_EXTRA_CA_CERTS can name a file of authorities to trust',
  certificate_expired:
    'could not be reached: its certificate is not valid at this time, or the clock here is wrong',
  certificate_of_another_name: 'could not be reached: its certificate is for another name',
  certificate_invalid: 'could not be reached: its certificate is not valid',
  tls_failed: 'could not be reached: TLS could not be agreed on',
  name_timed_out: 'could not be reached: looking up its name timed out',
  connecting_timed_out: 'could not be reached: connecting timed out',
  answer_timed_out: 'could not be reached: waiting for its answer timed out',
  body_timed_out: 'could not be reached: its answer came too slowly and timed out',
  address_not_public: 'could not be reached: its name has an address that is not public',
  proxy_refused: 'could not be reached: the proxy in between refused to connect',
}

/**
 * Says in our own words why there is no answer, for people: of clients, in the log, status and alerts. In the
 * middle of a sentence, without an end.
 */
export function wordsFor({ cause, status, host }: Why): string {
  return `${host} ${predicates[cause].replace('%status%', shownStatus(status))}`
}

function shownStatus(status: number | undefined): string {
  if (status === undefined) return 'with an error'
  const meaning = STATUS_CODES[status]
  return meaning === undefined ? String(status) : `${status} (${meaning})`
}

const causesByCode: ReadonlyMap<string, FetchCause> = new Map([
  ['ENOTFOUND', 'name_not_found'],
  ['EAI_AGAIN', 'name_server_failed'],
  ['EAI_FAIL', 'name_server_failed'],
  ['ECONNREFUSED', 'connection_refused'],
  ['EHOSTUNREACH', 'no_route'],
  ['ENETUNREACH', 'no_route'],
  ['EHOSTDOWN', 'no_route'],
  ['ENETDOWN', 'no_route'],
  ['EADDRNOTAVAIL', 'no_route'],
  ['ETIMEDOUT', 'connecting_timed_out'],
  ['ECONNRESET', 'connection_broke_off'],
  ['ECONNABORTED', 'connection_broke_off'],
  ['EPIPE', 'connection_broke_off'],
  ['ERR_STREAM_PREMATURE_CLOSE', 'connection_broke_off'],
  ['ERR_HTTP_CONTENT_LENGTH_MISMATCH', 'connection_broke_off'],
  ['EPROTO', 'tls_failed'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'certificate_untrusted'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'certificate_untrusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate_untrusted'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate_untrusted'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate_untrusted'],
  ['CERT_UNTRUSTED', 'certificate_untrusted'],
  ['CERT_HAS_EXPIRED', 'certificate_expired'],
  ['CERT_NOT_YET_VALID', 'certificate_expired'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate_of_another_name'],
])

/** What a code of an error of Node's, of OpenSSL's or of the HTTP client's means for a connection. */
export function causeOfCode(code: string): FetchCause {
  const cause = causesByCode.get(code)
  if (cause !== undefined) return cause
  if (code.startsWith('HPE_')) return 'not_http'
  if (/CERT|CRL|CHAIN/.test(code)) return 'certificate_invalid'
  return /^ERR_(?:SSL|TLS)_/.test(code) ? 'tls_failed' : 'connection'
}

const causesByPhase: ReadonlyMap<string, FetchCause> = new Map([
  ['lookup', 'name_timed_out'],
  ['connect', 'connecting_timed_out'],
  ['secureConnect', 'connecting_timed_out'],
])

/** @param phase of a request that took too long, as the HTTP client calls it. */
export function causeOfPhase(phase: string): FetchCause {
  return causesByPhase.get(phase) ?? 'answer_timed_out'
}
