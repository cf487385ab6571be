import { Agent, type IncomingHttpHeaders } from 'node:http'
import { got } from 'got'
import type { Route } from '../../src/http/route.ts'

export const adminToken = 'admin-token-of-the-tests-0123456789'
export const metricsToken = 'metrics-token-of-the-tests-0123456789'

export type AuthScheme = 'Bearer' | 'Basic'

/** As Composer has it from auth.json. */
export function authorization(token: string, scheme: AuthScheme = 'Bearer'): string {
  if (scheme === 'Bearer') return `Bearer ${token}`
  return `Basic ${Buffer.from(`jürgen:${token}`).toString('base64')}`
}

/** What the API answered. */
export interface ApiAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Of JSON what it says, otherwise the text; undefined for an empty body. */
  readonly body: unknown
}

export interface ApiRequest {
  /** undefined: none is sent; left out: the right one. */
  readonly token?: string | undefined
  /** How the token is sent; a bearer token when left out. */
  readonly scheme?: AuthScheme
  readonly json?: unknown
  /** As it is, when it isn't to be JSON. */
  readonly body?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** Asks the API, with the admin token unless told otherwise. Never throws for a status. */
export type AskApi = (method: string, path: string, request?: ApiRequest) => Promise<ApiAnswer>

export function askApiAt(url: string): AskApi {
  return async (method, path, request = {}) => {
    const { json } = request
    const body = json === undefined ? request.body : JSON.stringify(json)
    const answer = await got(url + path, {
      method: method.toUpperCase() as 'GET' | 'POST',
      headers: headersOf(request),
      ...(body === undefined ? {} : { body }),
      throwHttpErrors: false,
      retry: { limit: 0 },
      // A connection kept from before a restart would be lost at the first request after it.
      agent: { http: new Agent({ keepAlive: false }) },
    })
    const { statusCode: status, headers } = answer
    return { status, headers, body: parsed(answer.body, headers['content-type'] ?? '') }
  }
}

function headersOf(request: ApiRequest): Readonly<Record<string, string>> {
  const token = 'token' in request ? request.token : adminToken
  return {
    ...(token === undefined ? {} : { authorization: authorization(token, request.scheme) }),
    ...(request.json === undefined ? {} : { 'content-type': 'application/json' }),
    ...request.headers,
  }
}

function parsed(text: string, type: string): unknown {
  if (text === '') return undefined
  return /^application\/(?:problem\+)?json$/.test(type) ? JSON.parse(text) : text
}

/** A path that the route answers; parts that have a form get one of it, unless they are named. */
export function pathOf(
  { path }: Pick<Route, 'path'>,
  named: Readonly<Record<string, string>> = {},
): string {
  const parts: Readonly<Record<string, string>> = {
    vendor: 'acme',
    file: 'log.json',
    at: '2026-05-01',
    code: 'archive_blocked',
    id: '00000000-0000-4000-8000-000000000000',
    ...named,
  }
  return path
    .replaceAll(/[{}]/g, '')
    .replaceAll(/:(\w+)/g, (_, name: string) => parts[name] ?? 'log')
}
