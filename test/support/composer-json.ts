import { expandVersions, type JsonObject } from '../../src/composer/minify.ts'
import { PackageName } from '../../src/composer/names.ts'
import { Instant } from '../../src/time-machine/instant.ts'

export const packageName = PackageName.parse('own/log')

/** Uses all there is. */
export const whole = {
  name: packageName,
  description: 'Two lines:\n\tGrüße',
  keywords: ['log', 2],
  homepage: 'https://example.org',
  license: 'proprietary',
  authors: [{ name: 'A', email: 'a@example.org', twitter: '@a' }],
  type: 'composer-plugin',
  support: { issues: 'https://example.org/issues' },
  funding: [{ type: 'other', url: 'https://example.org' }],
  time: '2026-05-01',
  autoload: {
    'psr-4': { 'Own\\Log\\': 'src', '': ['a', 'b'] },
    classmap: ['lib'],
    files: ['functions.php'],
    'exclude-from-classmap': ['/tests/'],
  },
  'autoload-dev': { 'psr-4': { 'Own\\Test\\': 'test' } },
  extra: { 'branch-alias': { 'dev-main': '1.x-dev' }, class: 'Own\\Plugin', __secret: null },
  bin: 'bin/log',
  require: { php: '^8.1', 'ext-json': '*', 'own/base': 'self.version' },
  'require-dev': { 'phpunit/phpunit': '^10 || ^11' },
  suggest: { 'own/more': 'for more' },
  conflict: { 'own/old': '<1.0' },
  provide: { 'psr/log-implementation': '1.0' },
  replace: { 'own/legacy': 'self.version' },
  scripts: { test: 'echo \u001b[1m' },
  abandoned: 'own/new',
}

export const publication = {
  packageName,
  version: 'v1.2.0',
  versionNormalized: '1.2.0.0',
  sha256: 'a'.repeat(64),
  sha1: 'b'.repeat(40),
  publishedAt: Instant.parse('2026-06-01T12:00:00.000000Z'),
}

/** Of a document, complete. */
export function versionsIn(body: Buffer): readonly JsonObject[] {
  const document = JSON.parse(body.toString()) as {
    readonly packages: Readonly<Record<string, readonly JsonObject[]>>
  }
  return expandVersions(document.packages[packageName] ?? [])
}

/** As it is after it was sent. */
export function plain(version: JsonObject): unknown {
  return JSON.parse(JSON.stringify(version))
}
