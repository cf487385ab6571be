import { AppError } from '../errors.ts'
import type { Position } from '../events/types.ts'
import type { Projection } from './projection.ts'
import type { Projector } from './run.ts'

export interface CaughtUpOptions {
  readonly projector: Pick<Projector, 'status'>
  /** Of the log. */
  readonly headAtStart: Position
}

/**
 * Refuses to have a read model asked before it has what was recorded before the start. One that is built anew
 * begins empty: until then revoked tokens would count, others wouldn't, our own vendors would pass for public
 * ones, and blocked versions would be served.
 *
 * @throws AppError `still_catching_up`
 */
export function whenCaughtUp({
  projector,
  headAtStart,
}: CaughtUpOptions): (projection: Pick<Projection, 'name'>) => void {
  return (projection) => {
    const status = projector.status().find(({ name }) => name === projection.name)
    if (status !== undefined && status.position >= headAtStart) return
    throw new AppError('still_catching_up', 'Almanac is still catching up; try again shortly')
  }
}
