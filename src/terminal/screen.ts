import { setTimeout as delay } from 'node:timers/promises'
import type { WriteStream } from 'node:tty'
import { coloured, plain, prettyLine } from './pretty-line.ts'

/** What a person looks at: lines of the log above, and below them at most one line that changes. */
export interface Screen {
  /** Lines as pino makes them; each is shown above the line that changes. */
  readonly logStream: { readonly write: (line: string) => void }
  /** For the person, on stdout. */
  readonly say: (text: string) => void
  /** Replaces the line that changes; an empty one takes it away. */
  readonly change: (line: string) => void
  /** How many characters that line may have; 0: the terminal can't do that, or it is none. */
  readonly columns: () => number
  /** Resolves once no line came for a moment, or after a while anyway. */
  readonly quiet: () => Promise<void>
}

/** What is written to: process.stderr and process.stdout, of which each may be a terminal, a file or a pipe. */
export interface ScreenStreams {
  readonly stderr: Output
  readonly stdout: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** Without it the real one. */
  readonly clock?: Clock
}

interface Clock {
  readonly nowMs: () => number
  readonly wait: (ms: number) => Promise<void>
}

const realClock: Clock = {
  nowMs: () => performance.now(),
  wait: async (ms) => await delay(ms, undefined, { ref: false }),
}

type Output = Pick<NodeJS.WriteStream, 'write'> &
  Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'hasColors'>>

const quietForMs = 750
const quietWithinMs = 3_000
const clearLine = '\r\x1b[2K'

/** Colours are Node's own decision, by the terminal, `NO_COLOR` and `FORCE_COLOR`. */
export function createScreen({ stderr, stdout, env, clock = realClock }: ScreenStreams): Screen {
  const isTerminal = stderr.isTTY === true
  const { NO_COLOR: noColour = '', ...others } = env
  const asked = noColour === '' ? others : env
  const paint = isTerminal && stderr.hasColors?.(16, asked) === true ? coloured : plain
  const columns = (): number => {
    return isTerminal && env['TERM'] !== 'dumb' ? Math.max(0, (stderr.columns || 80) - 1) : 0
  }
  let changing = ''
  let writtenAtMs = clock.nowMs()

  /** The line that changes steps aside. */
  function above(write: () => void): void {
    if (changing !== '') stderr.write(clearLine)
    write()
    if (changing !== '') stderr.write(changing)
  }
  return {
    columns,
    logStream: {
      write(line) {
        writtenAtMs = clock.nowMs()
        above(() => stderr.write(prettyLine(line.trimEnd(), paint)))
      },
    },
    say: (text) => above(() => stdout.write(text)),
    change(line) {
      if (columns() === 0 || line === changing) return
      stderr.write(changing === '' ? line : `${clearLine}${line}`)
      changing = line
    },
    async quiet() {
      const begunMs = clock.nowMs()
      writtenAtMs = begunMs
      while (clock.nowMs() - writtenAtMs < quietForMs && clock.nowMs() - begunMs < quietWithinMs) {
        await clock.wait(20)
      }
    },
  }
}
