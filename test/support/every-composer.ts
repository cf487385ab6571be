import type { Test } from 'uvu'
import {
  type ComposerOptions,
  type ComposerResult,
  composerVersion,
  program,
  runComposer,
} from './composer.ts'
import { isLong } from './long.ts'
import { describe, skipSuite } from './suite.ts'

/** One that is at hand. */
export interface Composer {
  /** Such as `2.10.3`. */
  readonly version: string
  readonly bin: string
  readonly isAtLeast: (line: `${number}.${number}`) => boolean
  readonly run: (
    args: readonly string[],
    options: Omit<ComposerOptions, 'bin'>,
  ) => Promise<ComposerResult>
}

/** What Debian has in its releases, and so what a project may be installed with. */
const lines = ['2.5', '2.8', '2.10', '2.11'] as const

/** By their numbers: 2.5 comes before 2.10. */
const { compare } = new Intl.Collator('en', { numeric: true })

/**
 * `describe`, once for each Composer at hand: the one on PATH or in COMPOSER_BIN, and those that
 * COMPOSER_BINS lists, separated by commas. The version is in the name of each suite. `npm test` runs the
 * oldest, `npm run test:all` the others, and that says of a line of which none is at hand that it is skipped.
 *
 * @param about the suite's name, and the first line that it concerns where that isn't all of them.
 * @throws Error when one that is listed doesn't run.
 */
export function forEachComposer<Context extends object>(
  about: string | { readonly name: string; readonly since: `${number}.${number}` },
  open: (composer: Composer) => Promise<Context & { close?(): Promise<void> }>,
  define: (test: Test<Context>, composer: Composer) => void,
): void {
  const { name, since } =
    typeof about === 'string' ? ({ name: about, since: '2.0' } as const) : about
  const composers = composersAtHand().filter(({ isAtLeast }) => isAtLeast(since))
  for (const composer of isLong ? composers.slice(1) : composers.slice(0, 1)) {
    describe(
      `${name}, Composer ${composer.version}`,
      async () => await open(composer),
      (test: Test<Context>) => define(test, composer),
    )
  }
  if (!isLong) {
    if (composers.length === 0) skipSuite(name, `no Composer from ${since} on is at hand`)
    return
  }
  if (composers.length === 1) skipSuite(name, 'npm test runs it with the only Composer at hand')
  for (const line of lines) {
    const isThere = composers.some(({ version }) => lineOf(version) === line)
    if (isThere || compare(line, since) < 0) continue
    skipSuite(`${name}, Composer ${line}`, 'it is neither on PATH nor in COMPOSER_BINS')
  }
}

let found: readonly Composer[] | undefined

/** All of them, the oldest first. */
export function composersAtHand(): readonly Composer[] {
  found ??= findComposers()
  return found
}

function findComposers(): readonly Composer[] {
  const listed = (process.env['COMPOSER_BINS'] ?? '').split(',').filter((bin) => bin !== '')
  const composers = new Map<string, Composer>()
  for (const bin of [undefined, ...listed]) {
    const version = composerVersion(bin)
    if (version === undefined && bin !== undefined)
      throw new Error(`COMPOSER_BINS lists ${bin}, which doesn't run`)
    if (version !== undefined && !composers.has(version))
      composers.set(version, composerOf(version, bin))
  }
  return [...composers.values()].toSorted((one, other) => compare(one.version, other.version))
}

function composerOf(version: string, bin: string | undefined): Composer {
  return {
    version,
    bin: bin ?? program,
    isAtLeast: (line) => compare(version, line) >= 0,
    run: async (args, options) =>
      await runComposer(args, { ...options, ...(bin !== undefined && { bin }) }),
  }
}

function lineOf(version: string): string {
  return version.split('.', 2).join('.')
}
