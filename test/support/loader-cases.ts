import { isJsonObject, type JsonObject } from '../../src/composer/minify.ts'
import { type Random, randomFrom } from './random.ts'

/** A version of which Composer takes every field, in the shape that it expects. */
const mirrors = [{ url: 'https://mirror.example.org/log', preferred: true }]
const plain: JsonObject = {
  name: 'acme/log',
  version: '1.0.0',
  source: { type: 'git', url: 'https://example.org/log.git', reference: 'abc', mirrors },
  dist: { type: 'zip', url: 'https://example.org/log.zip', reference: 'abc', shasum: '', mirrors },
}
const branch: JsonObject = { ...plain, version: 'dev-main' }

function wordsOf(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}

/** Places of a version, as keys between slashes. A number is a place in a list. */
const places = wordsOf(String.raw`
  name version version_normalized type target-dir uid installation-source bin bin/0 bin/tool
  default-branch extra extra/branch-alias extra/laravel source source/type source/url
  source/reference source/mirrors source/mirrors/0 source/mirrors/0/url source/mirrors/0/preferred
  source/trunk-path dist dist/type dist/url dist/reference dist/shasum dist/mirrors dist/mirrors/0
  dist/mirrors/0/url dist/mirrors/0/preferred dist/transport-options require require/php require/0
  require-dev require-dev/acme~1base conflict conflict/acme~1base provide provide/acme~1base
  replace replace/acme~1base replace/acme~1log suggest suggest/ext-intl suggest/0 autoload
  autoload/psr-4 autoload/psr-4/Acme\ autoload/psr-4/Acme autoload/psr-4/Acme\/0
  autoload/psr-4/0 autoload/psr-4/ autoload/psr-0 autoload/psr-0/Acme autoload/psr-0/Acme/0
  autoload/classmap autoload/classmap/0 autoload/classmap/0/0 autoload/files autoload/files/0
  autoload/files/a autoload/files/0/0 autoload/exclude-from-classmap
  autoload/exclude-from-classmap/0 autoload/other autoload-dev autoload-dev/psr-4
  autoload-dev/psr-4/Acme autoload-dev/psr-4/Acme\ autoload-dev/files autoload-dev/files/0
  include-path include-path/0 php-ext php-ext/extension-name php-ext/configure-options time
  published-time notification-url archive archive/name archive/exclude archive/exclude/0 scripts
  scripts/test scripts/test/0 scripts/php description homepage keywords keywords/0 keywords/a
  license license/0 authors authors/0 authors/0/name authors/0/email support support/email
  support/issues funding funding/0 funding/0/url abandoned transport-options
  transport-options/http transport-options/http/header minimum-stability repositories config
  prefer-stable non-feature-branches security-advisories require-dev/0 conflict/0 readme platform
  notify-batch
`)

/** The same of a branch. */
const placesOfBranch = wordsOf(String.raw`
  version version_normalized default-branch extra extra/branch-alias extra/branch-alias/dev-main
  extra/branch-alias/dev-other extra/branch-alias/0 time require/php source dist source/reference
`)

// prettier-ignore
export const values: readonly unknown[] = [
  null, true, false, 0, 1, -1, 1.5, 1_700_000_000, '', ' ', '0', 'text', 'self.version',
  '^1.0', '1.0.x-dev', '9999999-dev', 'x-dev', 'dev-main', '../up', '-up', 'https://example.org/x',
  '2024-05-01T00:00:00+00:00', [], [null], [1], [true], ['text'], ['../up'], [['a', 'b']], [{}],
  {}, { a: null }, { a: 1 }, { a: true }, { a: 'text' }, { a: ['text'] }, { a: { b: 'c' } },
  { a: [['b']] }, { 0: 'text' }, { '': '' },
]

export interface LoaderCase {
  /** Of the version and in it; of what is made at random, nothing. */
  readonly place: string
  /** Where in the version something is unusual, and what. */
  readonly told: string
  readonly version: JsonObject
}

/** Every value in every place. */
export const placedCases: readonly LoaderCase[] = [
  ...places.map((place) => [plain, place] as const),
  ...placesOfBranch.map((place) => [branch, place] as const),
].flatMap(([version, place]) =>
  values.map((value) => {
    const where = `${String(version['version'])} ${place}`
    const told = `${where} = ${JSON.stringify(value)}`
    return { place: where, told, version: placed(version, place, value) }
  }),
)

function placedIn(within: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) throw new Error('no place')
  const before =
    isJsonObject(within) || Array.isArray(within) ? Reflect.get(within, key) : undefined
  const inner = rest.length === 0 ? value : placedIn(before, rest, value)
  if (key === '0' && !isJsonObject(within)) return [inner]
  return { ...(isJsonObject(within) ? within : {}), [key]: inner }
}

function placed(version: JsonObject, place: string, value: unknown): JsonObject {
  const path = place.split('/').map((key) => key.replace('~1', '/'))
  const changed = placedIn(version, path, value)
  return isJsonObject(changed) ? changed : version
}

/** Versions in which up to three places have something nested at random. */
export function generatedCases(count: number, seed: number): readonly LoaderCase[] {
  const random = randomFrom(seed)
  return Array.from({ length: count }, () => generated(random))
}

function generated(random: Random): LoaderCase {
  const { pick, below } = random
  let version: JsonObject = pick([plain, plain, branch])
  for (let changes = below(3); changes >= 0; changes--) {
    const place = pick(version['version'] === 'dev-main' ? placesOfBranch : places)
    version = placed(version, place, nested(random, 3))
  }
  return { place: '', told: JSON.stringify(version), version }
}

function nested(random: Random, levels: number): unknown {
  const { pick, below } = random
  if (levels === 0 || below(3) === 0) return pick(values)
  const parts = Array.from({ length: below(3) + 1 }, () => nested(random, levels - 1))
  if (below(2) === 0) return parts
  return Object.fromEntries(parts.map((part) => [pick(keys), part]))
}
const keys = ['a', 'php', 'acme/base', 'url', 'type', 'reference', 'preferred', 'psr-4', 'Acme\\']
