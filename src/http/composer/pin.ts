import { AppError } from '../../errors.ts'
import type { Instant } from '../../time-machine/instant.ts'
import { parsePin } from '../../time-machine/instant.ts'
import type { ComposerRoute, RouteRequest } from '../route.ts'

/** A route below the root, and the same below `/at/{T}`. */
export function alsoPinned(route: ComposerRoute): readonly ComposerRoute[] {
  return [route, { ...route, straight: false, path: `/at/:at${route.path}` }]
}

/**
 * The instant that a request asks for, by its path (`/at/{T}/…`) or query (`?at={T}`).
 *
 * @throws AppError `invalid_instant` when it is none, or named more than once.
 */
export function pinOf({ param, query }: RouteRequest): Instant | undefined {
  const inPath = param('at')
  const named = [...(inPath === '' ? [] : [inPath]), ...query.getAll('at')]
  const [text] = named
  if (text === undefined) return undefined
  if (named.length > 1) throw new AppError('invalid_instant', 'name one instant only, in `at`')
  const parsed = parsePin(text)
  if ('refusal' in parsed) throw new AppError('invalid_instant', parsed.refusal)
  return parsed.instant
}
