import type { Position } from '../events/types.ts'
import type { Projector } from './run.ts'

export interface Watched {
  readonly projector: Pick<Projector, 'status'>
  /** What the read models are to come to. */
  readonly head: Position
  /** Told of events applied, counted once for each read model, until none is behind. */
  readonly onProgress: (done: number, total: number) => void
}

const lookEveryMs = 100

/** Tells how far the read models are that are behind. @returns what ends that. */
export function watchCatchingUp({ projector, head, onProgress }: Watched): () => void {
  const behind = () =>
    projector.status().filter(({ state, position }) => state === 'running' && position < head)
  const first = behind()
  const missing = (all: ReturnType<typeof behind>): number => {
    return Number(all.reduce((sum, { position }) => sum + head - position, 0n))
  }
  const total = missing(first)
  if (total === 0) return () => undefined

  const timer = setInterval(() => {
    const now = behind()
    onProgress(total - missing(now), total)
    if (now.length === 0) clearInterval(timer)
  }, lookEveryMs).unref()
  return () => clearInterval(timer)
}
