import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { parseConstraint, satisfies } from '../../src/composer/constraints.ts'
import { constraints, versions } from '../support/constraint-table.ts'
import { fuzz } from '../support/fuzz.ts'
import { type Random, randomFrom } from '../support/random.ts'
import { describe, skipSuite } from '../support/suite.ts'

const script = path.join(import.meta.dirname, '../support/composer-semver.php')
const known = constraints.map(([text]) => text)

/** No control characters but spaces: those are refused here, and taken for spaces by Composer in some places. */
const atoms = [
  ['1', '0', '2', '12', '007', '1.0', '1.2.3', '1.2.3.4', '2024', '.', '-', '_', '+', 'v', 'V'],
  ['x', 'X', '*', '^', '~', '>', '<', '=', '!=', '<>', '>=', '<=', '==', ' ', '  ', '    ', ','],
  ['|', '||', ' - ', ' as ', 'as', '@', '@dev', '@beta', '@stable', 'dev-', '-dev', 'dev', '#a'],
  ['.x-dev', 'beta', 'b', 'a', 'alpha', 'p', 'pl', 'patch', 'stable', 'main', '/', '\n', '\t', 'é'],
].flat()

function written({ pick, below }: Random): string {
  let text = below(2) === 0 ? pick(known) : ''
  for (let changes = below(7); changes >= 0; changes--) {
    const at = below(text.length + 1)
    text = text.slice(0, at) + pick(atoms) + text.slice(at + below(2))
  }
  return text
}

/** Releases differ in dates of six digits and more, and in whether an RC behind `>=` is seen. */
function isSameInAllReleases(text: string): boolean {
  return !/\d{5}|\d{4}[.:-]?\d{2}|rc/i.test(text)
}

function metHere(text: string): string | null {
  const constraint = parseConstraint(text)
  if (constraint === undefined) return null
  return versions.map((version) => (satisfies(version, constraint) ? 'x' : '.')).join('')
}

function metInPhp(texts: readonly string[]): readonly (string | null)[] {
  const input = texts.map((text) => `${JSON.stringify([text, versions])}\n`).join('')
  const { stdout, stderr } = spawnSync('php', [script], { input, encoding: 'utf8' })
  const lines = stdout.trim().split('\n')
  assert.is(lines.length, texts.length, stderr)
  return lines.map((line) => JSON.parse(line) as string | null) // as the script writes it
}

function compare(texts: readonly string[]): void {
  const met = metInPhp(texts)
  for (const [index, text] of texts.entries()) {
    assert.is(metHere(text), met[index], JSON.stringify(text))
  }
}

if (
  spawnSync('php', ['--version']).status !== 0 ||
  !existsSync('/usr/share/php/Composer/Semver/VersionParser.php')
) {
  skipSuite(
    'constraints as composer/semver reads them',
    'there is no php with composer/semver here',
  )
} else {
  describe(
    'constraints as composer/semver reads them',
    async () => ({}),
    (test) => {
      test('are those of the table', () => {
        compare(known)
      })

      test('mean the same here, whatever is written', () => {
        for (const seed of fuzz('constraints', 3).rounds()) {
          const random = randomFrom(seed)
          const texts = Array.from({ length: 5_000 }, () => written(random))
          compare(texts.filter(isSameInAllReleases))
        }
      })
    },
  )
}
