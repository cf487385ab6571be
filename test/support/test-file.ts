import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { processesOf, signalQuietly, startProcess, type StartedProcess } from './processes.ts'

export interface TestFileOptions {
  /** Absolute path of the `.test.ts` file. */
  readonly file: string
  readonly env: NodeJS.ProcessEnv
  /** Its TMPDIR. Also how a process that it left behind is recognised as its own. */
  readonly directory: string
  /** On two quiet cores, as all limits here. */
  readonly limitSeconds: number
  /** By which they are made longer, also those of the file itself. */
  readonly slowness: number
  /** Ends the file early. */
  readonly signal: AbortSignal
}

export interface TestFileResult {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** The lines that `skipSuite` and `test.skip` wrote. */
  readonly skippedLines: readonly string[]
  /** What was wrong with the file as a whole, such as "ran no test". */
  readonly problems: readonly string[]
  /** Both output streams, as they came, without colours. */
  readonly output: string
  readonly durationMs: number
}

const project = fileURLToPath(new URL('../..', import.meta.url))

/** How long a file that is told to end has for its own cleaning up before it is killed. */
const graceMs = 5_000

/** How long processes that a file started may outlive it: PostgreSQL takes a moment to stop. */
const strayGraceMs = 3_000

/**
 * Runs one uvu file in a process group of its own, and ends whatever that group left behind.
 *
 * uvu's exit code is not enough to go by: it is 0 for a file without tests. So its summary is read
 * as well, and the file must have run at least one test or said that it skips its suite.
 */
export async function runTestFile(options: TestFileOptions): Promise<TestFileResult> {
  const { file, env, directory, slowness } = options
  const startedMs = performance.now()
  const started = startProcess(process.execPath, ['--import', 'tsx', file], {
    directory: project,
    env: { ...env, TMPDIR: directory, NO_COLOR: '1', TEST_SLOWNESS: slowness.toFixed(1) },
  })
  const ending = await endOf(started, options)
  const strays = await endStrays(started, options)
  await Promise.race([started.closed, delay(1_000, undefined, { ref: false })])

  const output = started.output()
  const counts = countTests(output)
  const problems = [ending, strays].filter((problem) => problem !== undefined)
  if (counts.total === 0 && counts.skipped === 0) problems.unshift('ran no test')
  const failedTests = counts.total - counts.passed
  return {
    passed: counts.passed,
    failed: failedTests > 0 ? failedTests : Math.min(problems.length, 1),
    skipped: counts.skipped,
    skippedLines: counts.skippedLines,
    problems,
    output,
    durationMs: Math.round(performance.now() - startedMs),
  }
}

/** Waits for the file to end, by itself or not. Returns what was wrong with its ending, if anything. */
async function endOf(
  started: StartedProcess,
  { limitSeconds, slowness, signal }: TestFileOptions,
): Promise<string | undefined> {
  let forced: string | undefined
  const end = async (why: string): Promise<void> => {
    forced ??= why
    started.signalGroup('SIGTERM')
    await delay(graceMs * slowness, undefined, { ref: false })
    started.signalGroup('SIGKILL')
  }
  const limitMs = Math.round(limitSeconds * slowness) * 1000
  const timer = setTimeout(() => void end(`hung: over its limit of ${limitMs / 1000} s`), limitMs)
  const interrupt = (): void => void end('interrupted')
  signal.addEventListener('abort', interrupt, { once: true })
  if (signal.aborted) interrupt()
  const { code, signal: by } = await started.exited
  clearTimeout(timer)
  signal.removeEventListener('abort', interrupt)
  if (forced !== undefined || code === 0) return forced
  return by === null ? `exit code ${code}` : `ended by ${by}`
}

/** Ends what still runs of the file's processes, and names it: a test must end what it starts. */
async function endStrays(
  started: StartedProcess,
  { directory, slowness }: TestFileOptions,
): Promise<string | undefined> {
  const deadline = performance.now() + strayGraceMs * slowness
  let strays = processesOf(directory)
  while (strays.length > 0 && performance.now() < deadline) {
    await delay(50)
    strays = processesOf(directory)
  }
  started.signalGroup('SIGKILL')
  for (const { pid } of strays) signalQuietly(pid, 'SIGKILL')
  if (strays.length === 0) return undefined
  return `left processes running: ${strays.map(({ command }) => command).join('; ')}`
}

/** Adds up uvu's summaries; a file that awaits between its suites prints several. */
function countTests(output: string): {
  readonly total: number
  readonly passed: number
  readonly skipped: number
  readonly skippedLines: readonly string[]
} {
  const skippedLines = output.match(/^SKIPPED .+$/gm) ?? []
  let [total, passed, skipped] = [0, 0, skippedLines.length]
  const summary = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm
  for (const [, totalText, passedText, skippedText] of output.matchAll(summary)) {
    total += Number(totalText)
    passed += Number(passedText)
    skipped += Number(skippedText)
  }
  return { total, passed, skipped, skippedLines }
}
