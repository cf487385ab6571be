import type { Logger } from 'pino'
import type { Screen } from './screen.ts'

/** How far some work has come that people wait for. */
export interface Step {
  /** Such as "building read models". */
  readonly what: string
  readonly done: number
  readonly total: number
}

export interface Progress {
  /** The work is over when all of it is done, or when other work is told of. */
  readonly report: (step: Step) => void
  /** Nothing is shown any more. */
  readonly close: () => void
}

export interface ProgressOptions {
  readonly screen: Screen
  readonly logger: Logger
  /** Only a log for people has a bar below it: JSON lines may be read from a terminal's stream too. */
  readonly isPretty: boolean
  readonly nowMs: () => number
}

const barWidth = 24
/** Before that nobody knows how fast it is. */
const estimateAfterMs = 1_000
const lineEveryMs = 10_000

/** A bar on a terminal that can show one, else a line of the log every ten seconds. */
export function createProgress({ screen, logger, isPretty, nowMs }: ProgressOptions): Progress {
  let current:
    { readonly what: string; readonly begunMs: number; readonly doneAtFirst: number } | undefined
  let toldMs = 0
  let isClosed = false

  function leftMs({ done, total }: Step): number | undefined {
    if (current === undefined) return undefined
    const spentMs = nowMs() - current.begunMs
    const gained = done - current.doneAtFirst
    return gained > 0 && spentMs >= estimateAfterMs
      ? (spentMs / gained) * (total - done)
      : undefined
  }
  function tell(step: Step): void {
    if (isPretty && screen.columns() > 0) {
      screen.change(bar(step, leftMs(step)).slice(0, screen.columns()))
    } else if (nowMs() - toldMs >= lineEveryMs) {
      toldMs = nowMs()
      const left = leftMs(step)
      const { what, done, total } = step
      logger.info(
        { done, total, ...(left !== undefined && { leftSeconds: Math.ceil(left / 1000) }) },
        what,
      )
    }
  }
  return {
    report(step) {
      if (isClosed) return
      if (current?.what !== step.what) {
        current = { what: step.what, begunMs: nowMs(), doneAtFirst: step.done }
        toldMs = nowMs()
      }
      if (step.done < step.total) return tell(step)
      current = undefined
      screen.change('')
    },
    close() {
      isClosed = true
      screen.change('')
    },
  }
}

/** One line; as long as it is. */
export function bar({ what, done, total }: Step, leftMs: number | undefined): string {
  const part = Math.min(1, Math.max(0, done / total))
  const full = Math.floor(part * barWidth)
  const drawn = `${'='.repeat(full)}${full < barWidth ? '>' : ''}`.padEnd(barWidth)
  const numbers = `${done.toLocaleString('en')} of ${total.toLocaleString('en')}`
  const left = leftMs === undefined ? '' : `, about ${duration(leftMs)} left`
  return `${what}  [${drawn}] ${Math.floor(part * 100)} %  ${numbers}${left}`
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`
}
