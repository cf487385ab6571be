import { parsePackageName } from '../../composer/names.ts'
import { AppError } from '../../errors.ts'
import type { Basis } from '../../metadata/as-of.ts'
import type { Answers, Asker, OwnAnswer } from '../../private/answers/answers.ts'
import type { Instant } from '../../time-machine/instant.ts'
import { type Answer, type ComposerRoute, jsonType, type RouteRequest } from '../route.ts'
import { refuseUnstorable } from '../text.ts'
import { staleHeaders } from './package-metadata.ts'
import { alsoPinned, pinOf } from './pin.ts'

export interface RelayedDeps {
  readonly answers: Answers
  readonly resolveBasis: (at: Instant) => Promise<Basis>
}

/**
 * What Composer asks beside metadata and archives: answered by upstream as it is now, at every pin too, since
 * none of it decides what is installed. Our own packages are among the answers, those of a pin as of that pin.
 */
export function relayed({ answers, resolveBasis }: RelayedDeps): readonly ComposerRoute[] {
  async function askerOf(request: RouteRequest): Promise<Asker> {
    const at = pinOf(request)
    const position = at === undefined ? undefined : (await resolveBasis(at)).position
    const { principal, client } = request
    return { principal, client, position }
  }
  return [
    ...alsoPinned(
      get('/search.json', async (request) => {
        return byAsker(await answers.search(withoutPin(request), await askerOf(request)))
      }),
    ),
    ...alsoPinned(
      get('/packages/list.json', async (request) => {
        return byAsker(await answers.list(withoutPin(request), await askerOf(request)))
      }),
    ),
    ...alsoPinned(
      get('/providers/:vendor/:file', async (request) => {
        const name = request.param('file').replace(/\.json$/, '')
        const packageName = parsePackageName(request.param('vendor'), name)
        if (packageName === undefined) {
          throw new AppError('package_not_found', 'that is not the name of a package')
        }
        return byAsker(await answers.providers(packageName, await askerOf(request)))
      }),
    ),
    ...advisoryPaths.flatMap((path) => advisories(path, answers)),
  ]
}

/** As the root file has it, and as people write it. */
const advisoryPaths = ['/api/security-advisories/', '/api/security-advisories']

function advisories(path: string, answers: Answers): readonly ComposerRoute[] {
  async function answer(query: URLSearchParams, asker: Omit<Asker, 'position'>): Promise<Answer> {
    return byAsker(await answers.advisories(query, { ...asker, position: undefined }))
  }
  return [
    get(path, async ({ query, principal, client }) => await answer(query, { principal, client })),
    {
      surface: 'composer',
      policy: 'read',
      method: 'post',
      path,
      takes: 'anything',
      async handle(request) {
        const { principal, client, query: inUrl } = request
        const query = new URLSearchParams([...inUrl, ...(await formOf(request))])
        return await answer(query, { principal, client })
      },
    },
  ]
}

function get(path: string, handle: ComposerRoute['handle']): ComposerRoute {
  return { surface: 'composer', policy: 'read', method: 'get', path, handle }
}

/** What is in it depends on who asks. */
function byAsker({ status, body, staleSeconds }: OwnAnswer): Answer {
  const headers = { 'Cache-Control': 'private, no-cache', Vary: 'Authorization' }
  return { status, headers: { ...jsonType, ...headers, ...staleHeaders(staleSeconds) }, body }
}

function withoutPin({ query }: RouteRequest): URLSearchParams {
  const others = new URLSearchParams(query)
  others.delete('at')
  return others
}

const form = 'application/x-www-form-urlencoded'

async function formOf({ body, headers }: RouteRequest): Promise<URLSearchParams> {
  if (headers['content-type']?.split(';')[0]?.trim().toLowerCase() !== form) {
    throw new AppError('unsupported_media_type', `names of packages are sent as ${form}`)
  }
  const fields = new URLSearchParams((await body()).toString('utf8'))
  refuseUnstorable([...fields].flat())
  return fields
}
