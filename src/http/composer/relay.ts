import { parsePackageName } from '../../composer/names.ts'
import { AppError } from '../../errors.ts'
import type { RelayAnswer, RelayQuestion } from '../../upstream/relay.ts'
import {
  type Answer,
  type ComposerRoute,
  jsonAnswer,
  jsonType,
  type RouteRequest,
} from '../route.ts'
import { alsoPinned, pinOf } from './pin.ts'

/** Asks upstream now; undefined when upstream offers no such thing. */
export type Relay = (question: RelayQuestion) => Promise<RelayAnswer | undefined>

/**
 * What Composer asks beside metadata and archives. Upstream answers it live, at every pin too: none of
 * it decides what is installed, except the list of malware, which has to be today's.
 */
export function relayed(relay: Relay): readonly ComposerRoute[] {
  async function ask(question: RelayQuestion): Promise<Answer> {
    const answer = await relay(question)
    if (answer === undefined) {
      throw new AppError('route_not_found', `upstream doesn't offer ${question.endpoint}`)
    }
    const { status, body, lastModified } = answer
    const dated = lastModified === undefined ? {} : { 'Last-Modified': lastModified }
    return { status, headers: { ...jsonType, 'Cache-Control': 'no-cache', ...dated }, body }
  }
  return [
    ...alsoPinned(
      get('/search.json', async (request) => {
        return await ask({ endpoint: 'search', query: queryOf(request) })
      }),
    ),
    ...alsoPinned(
      get('/packages/list.json', async (request) => {
        return await ask({ endpoint: 'list', query: queryOf(request) })
      }),
    ),
    ...alsoPinned(
      get('/providers/:vendor/:file', async (request) => {
        const name = request.param('file').replace(/\.json$/, '')
        const packageName = parsePackageName(request.param('vendor'), name)
        if (packageName === undefined) {
          throw new AppError('package_not_found', 'that is not the name of a package')
        }
        return await ask({ endpoint: 'providersApi', query: queryOf(request), packageName })
      }),
    ),
    get('/lists/all/summary.json', async ({ headers, query }) => {
      return await ask({
        endpoint: 'filterSummary',
        query,
        ifModifiedSince: headers['if-modified-since'],
      })
    }),
    get('/api/security-advisories/', async ({ query }) => {
      return await ask({ endpoint: 'securityAdvisories', query })
    }),
    {
      surface: 'composer',
      policy: 'read',
      method: 'post',
      path: '/api/security-advisories/',
      async handle({ query, body, headers }) {
        const form = { body: await body(), type: headers['content-type'] ?? '' }
        return await ask({ endpoint: 'securityAdvisories', query, form })
      },
    },
  ]
}

function get(path: string, handle: ComposerRoute['handle']): ComposerRoute {
  return { surface: 'composer', policy: 'read', method: 'get', path, handle }
}

/** What to pass on: everything but the pin, which is checked like everywhere. */
function queryOf(request: RouteRequest): URLSearchParams {
  pinOf(request)
  const query = new URLSearchParams(request.query)
  query.delete('at')
  return query
}

/**
 * Composer reports each install here, by the URL that root files and lock files name. It is answered
 * and not passed on: it would tell upstream every name and version that is installed through this proxy.
 */
export function notifyBatch(): ComposerRoute {
  return {
    surface: 'composer',
    policy: 'read',
    method: 'post',
    path: '/downloads/',
    async handle({ body }) {
      await body()
      return jsonAnswer(201, { status: 'success' })
    },
  }
}
