import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { inspect, parseArgs } from 'node:util'
import { runDatabase } from './support/run-database.ts'
import { keepCompiled } from './support/keep-compiled.ts'
import { measureSlowness } from './support/measure-slowness.ts'
import { runTestFile, type TestFileResult } from './support/test-file.ts'

const startedMs = performance.now()
const jobsByDefault = availableParallelism() + 1

const usage = `usage: npm test -- [word …] [--tier unit,contract,…] [--jobs N] [--limit-seconds N]
  word             runs the files with that word in their path
  --tier           runs the files of those folders of test/
  --long           what takes longer than a person waits, instead of the rest (npm run test:all)
  --jobs           how many files run at once (one more than there are cores: ${jobsByDefault})
  --limit-seconds  how long one file may take (180, 600 for e2e, and ten times that with --long)
  --root           the folder that has the tiers (test)`

const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    tier: { type: 'string' },
    long: { type: 'boolean', default: false },
    jobs: { type: 'string', default: `${jobsByDefault}` },
    'limit-seconds': { type: 'string' },
    root: { type: 'string', default: import.meta.dirname },
    help: { type: 'boolean', default: false },
  },
})

interface Run {
  readonly root: string
  /** Everything that the run writes is in here. */
  readonly directory: string
  readonly database: ReturnType<typeof runDatabase>
  readonly interrupted: AbortController
}

interface Totals {
  files: number
  filesDone: number
  passed: number
  failed: number
  skipped: number
  readonly skippedLines: string[]
  readonly failures: string[]
}

if (values.help) say(usage)
else process.exitCode = await runAll(path.resolve(values.root))

/** Runs the chosen files, prints a line for each, and returns the exit code. */
async function runAll(root: string): Promise<number> {
  const directory = path.join(
    realpathSync(tmpdir()),
    `almanac-test-${randomBytes(4).toString('hex')}`,
  )
  makeDirectory(directory)
  const interrupted = new AbortController()
  const run: Run = { root, directory, database: runDatabase(directory), interrupted }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => interrupted.abort())
  }
  const totals: Totals = {
    files: 0,
    filesDone: 0,
    passed: 0,
    failed: 0,
    skipped: 0,
    skippedLines: [],
    failures: [],
  }
  await noting(totals, async () => await runFiles(testFiles(root), run, totals))
  await noting(totals, run.database.stop)
  rmSync(directory, { recursive: true, force: true })
  return summarise(totals, interrupted.signal.aborted)
}

/** The test files that were asked for, tier by tier: those that fail soonest come first. */
function testFiles(root: string): readonly string[] {
  const tiers = ['unit', 'contract', 'integration', 'http', 'e2e']
  const wanted = values.tier?.split(',') ?? tiers
  const unknown = wanted.filter((tier) => !tiers.includes(tier))
  if (unknown.length > 0) throw new Error(`no such tier: ${unknown.join(', ')}\n${usage}`)
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (file) =>
      file.endsWith('.test.ts') &&
      (words.length === 0 || words.some((word) => file.includes(word))) &&
      (!values.long || hasMore(path.join(root, file))),
  )
  const misplaced = files.filter((file) => !tiers.includes(tierOf(file)))
  if (misplaced.length > 0) throw new Error(`in no tier's folder: ${misplaced.join(', ')}`)
  return tiers
    .filter((tier) => wanted.includes(tier))
    .flatMap((tier) => files.filter((file) => tierOf(file) === tier).toSorted())
}

function tierOf(file: string): string {
  return file.split(path.sep)[0] ?? ''
}

/** Whether it does more when it is run by `npm run test:all`, which follows from what it imports. */
function hasMore(file: string): boolean {
  return /from '.*\/support\/(?:every-composer|fuzz|long)\.ts'/.test(readFileSync(file, 'utf8'))
}

/**
 * Runs them side by side. One worker begins at the end, with the e2e files: they take longest, and mostly
 * wait, so they are not left for last, when the others have nothing to do.
 */
async function runFiles(files: readonly string[], run: Run, totals: Totals): Promise<void> {
  const left = [...files]
  totals.files = files.length
  const worker = async (next: () => string | undefined): Promise<void> => {
    for (let file = next(); file !== undefined; file = next()) {
      if (run.interrupted.signal.aborted) return
      const directory = path.join(run.directory, `${files.indexOf(file)}`)
      report(file, await runOne(file, { ...run, directory }), totals)
    }
  }
  const fromTheFront = Array.from({ length: Math.max(1, Number(values.jobs) - 1) }, async () => {
    await worker(() => left.shift())
  })
  await Promise.all([...fromTheFront, ...(values.jobs === '1' ? [] : [worker(() => left.pop())])])
}

async function runOne(file: string, run: Run): Promise<TestFileResult> {
  const tier = tierOf(file)
  const { FORCE_COLOR: _, TEST_LONG: __, ...env } = process.env
  makeDirectory(run.directory)
  keepCompiled(run.directory)
  try {
    return await runTestFile({
      file: path.join(run.root, file),
      env: {
        ...env,
        ...(tier === 'unit' ? {} : await run.database.environment()),
        ...(values.long && { TEST_LONG: '1' }),
      },
      directory: run.directory,
      limitSeconds: limitSeconds(tier),
      slowness: measureSlowness(startedMs),
      signal: run.interrupted.signal,
    })
  } catch (error) {
    const none = { passed: 0, skipped: 0, skippedLines: [], output: '', durationMs: 0 }
    return { ...none, failed: 1, problems: [`could not be run: ${inspect(error)}`] }
  } finally {
    rmSync(run.directory, { recursive: true, force: true })
  }
}

function limitSeconds(tier: string): number {
  const given = values['limit-seconds']
  return given === undefined ? (tier === 'e2e' ? 600 : 180) * (values.long ? 10 : 1) : Number(given)
}

/** Whatever the umask: PostgreSQL may run as another user, who has to get to its data in there. */
function makeDirectory(directory: string): void {
  mkdirSync(directory)
  chmodSync(directory, 0o755)
}

/** A failure of the run itself counts like that of a test, and doesn't keep the rest from happening. */
async function noting(totals: Totals, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    totals.failed += 1
    totals.failures.push(`the run itself: ${inspect(error)}`)
  }
}

function report(file: string, result: TestFileResult, totals: Totals): void {
  const { passed, failed, skipped, problems, output, durationMs } = result
  totals.filesDone += 1
  totals.passed += passed
  totals.failed += failed
  totals.skipped += skipped
  totals.skippedLines.push(...result.skippedLines)
  const nth = `${totals.filesDone} of ${totals.files}`
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped, ${durationMs} ms (${nth})`
  if (failed === 0) {
    say(
      [`ok   ${file}: ${counts}`, ...result.skippedLines.map((line) => `     ${line}`)].join('\n'),
    )
    return
  }
  totals.failures.push(file)
  say(
    [`FAIL ${file}: ${counts}`, ...problems.map((problem) => `     ${problem}`), output].join('\n'),
  )
}

function summarise(totals: Totals, wasInterrupted: boolean): number {
  for (const line of totals.skippedLines) say(line)
  for (const file of totals.failures) say(`FAIL ${file}`)
  say(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
  return totals.failed === 0 && totals.passed > 0 && !wasInterrupted ? 0 : 1
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
