import { AppError } from '../../errors.ts'
import { newestSettled } from '../../metadata/basis.ts'
import { compactInstant, type Instant } from '../../time-machine/instant.ts'
import type { Answer, Route, RouteRequest } from '../route.ts'

export interface PinOfNowOptions {
  readonly now: () => Instant
  readonly publicUrl: string
}

/**
 * The same route, which knows two words for its instant. `now` leads to the newest one that is settled, by a redirect that
 * nobody keeps: what is written into a lock or a cache has the date. `today`, and the date of today, are refused with the
 * URL for this instant, since a date stands for the end of its day.
 */
export function knowingNow({ now, publicUrl }: PinOfNowOptions): (route: Route) => Route {
  return (route) => ({
    ...route,
    async handle(request) {
      const named = [request.param('at'), ...request.query.getAll('at')].map(withoutEnding)
      if (named.every((text) => text === '')) return await route.handle(request)
      const present = now()
      const pinnedUrl = `${publicUrl}/at/${compactInstant(newestSettled(present))}`
      if (named.some((text) => text === 'today' || text === present.slice(0, 10))) {
        throw new AppError('invalid_instant', refusalOfToday(pinnedUrl))
      }
      if (named.includes('now')) return redirectTo(pinnedUrl, route, request)
      return await route.handle(request)
    },
  })
}

/** Of a repository whose URL ends in `?at=now`, Composer asks for `/?at=now/packages.json`. */
const ending = '/packages.json'

function withoutEnding(text: string): string {
  return text.endsWith(ending) ? text.slice(0, -ending.length) : text
}

function refusalOfToday(pinnedUrl: string): string {
  return (
    'today is not over, and a date stands for the end of its day, UTC, so what it shows would still change;' +
    ` for this instant use ${pinnedUrl}, or the end of yesterday by its date`
  )
}

function redirectTo(pinnedUrl: string, { path }: Route, { param, query }: RouteRequest): Answer {
  const unpinned = path === '/' ? ending : path.replace('/at/:at', '')
  const filled = unpinned.replaceAll(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(param(name)),
  )
  const others = new URLSearchParams(query)
  others.delete('at')
  const search = others.size === 0 ? '' : `?${others.toString()}`
  const headers = { Location: `${pinnedUrl}${filled}${search}`, 'Cache-Control': 'no-store' }
  return { status: 307, headers }
}
