import type { DistType } from '../../../src/composer/dist-types.ts'

/** What a composer.json may say of its version, beside the name. */
export interface ComposerFacts {
  readonly type?: 'library' | 'metapackage'
  readonly bin?: readonly string[]
  readonly extra?: Readonly<Record<string, unknown>>
  readonly require?: Readonly<Record<string, string>>
  readonly 'require-dev'?: Readonly<Record<string, string>>
  readonly suggest?: Readonly<Record<string, string>>
  readonly conflict?: Readonly<Record<string, string>>
  readonly provide?: Readonly<Record<string, string>>
  readonly replace?: Readonly<Record<string, string>>
}

export interface Advisory {
  readonly advisoryId: string
  readonly title: string
  readonly affectedVersions: string
  readonly severity: 'low' | 'medium' | 'high'
  /** In ISO 8601; without it when upstream began to show the advisory. */
  readonly reportedAt?: string
  readonly cve?: string
  /** Who knows of it; GitHub, unless told otherwise. */
  readonly sources?: readonly { readonly name: string; readonly remoteId: string }[]
}

/** One made-up package with its history. Days are `2024-01-31` and mean noon, UTC. */
export interface PackageDescription {
  readonly name: string
  readonly description: string
  /** Of every version; what a tag says itself comes instead. */
  readonly facts?: ComposerFacts
  readonly tags: readonly (readonly [version: string, day: string, facts?: ComposerFacts])[]
  /** The days of each branch's commits. The first branch is the default one. */
  readonly branches: Readonly<Record<string, readonly string[]>>
  /** Of its dists: `zip`, unless told otherwise. */
  readonly distType?: DistType
  /** What its dists have for a reference: the commit, or else the version's name, or nothing. */
  readonly distReference?: 'version' | 'none'
  /** Its dists name the SHA-1 of their archive. */
  readonly hasShasum?: boolean
  /** Incompressible bytes in each archive, for tests that need a body of some size. */
  readonly ballastBytes?: number
  readonly abandoned?: { readonly day: string; readonly replacement: string }
  readonly advisories?: readonly (Advisory & { readonly day: string })[]
}

const php = { php: '>=7.2' }

/**
 * A small world of two vendors.
 *
 * `acme/suite` (a metapackage) → `acme/framework` → `acme/http` → `acme/message-implementation`, which
 * is no package but provided by `acme/messages`: whoever wants `acme/http` must require that one, as
 * `acme/suite` does. Everything logs with `acme/log`.
 */
export const describedPackages: readonly PackageDescription[] = [
  {
    name: 'acme/log',
    description: 'Writes lines to files',
    facts: { require: php, suggest: { 'beta/text': 'To shorten long lines' } },
    tags: [
      ['1.0.0', '2024-01-10'],
      ['1.1.0', '2024-06-03'],
      ['2.0.0-beta1', '2025-01-15'],
      ['2.0.0', '2025-03-20', { require: { php: '>=8.1' } }],
      ['1.1.1', '2025-04-02'],
      ['2.1.0', '2026-02-11', { require: { php: '>=8.1' } }],
    ],
    branches: {
      main: ['2024-01-09', '2025-03-19', '2026-02-10'],
      '1.x': ['2025-03-20', '2025-04-01'],
    },
    advisories: [
      {
        advisoryId: 'PKSA-acme-log0-0001',
        title: 'Line breaks in messages forge entries',
        affectedVersions: '>=1.0.0,<1.1.1',
        severity: 'medium',
        day: '2025-04-03',
      },
    ],
  },
  {
    name: 'acme/messages',
    description: 'HTTP messages as values',
    facts: { require: php, provide: { 'acme/message-implementation': '1.0' } },
    tags: [
      ['1.0.0', '2024-02-01'],
      ['1.0.1', '2024-02-20'],
      ['1.2.0', '2025-08-14'],
    ],
    branches: { main: ['2024-01-31', '2025-08-13'] },
  },
  {
    name: 'acme/http',
    description: 'A small HTTP client',
    facts: {
      require: { ...php, 'acme/log': '^1.0 || ^2.0', 'acme/message-implementation': '^1.0' },
    },
    tags: [
      ['1.0.0', '2024-03-05'],
      ['1.1.0', '2024-11-28'],
      ['2.0.0', '2025-10-01', { require: { php: '>=8.1', 'acme/message-implementation': '^1.0' } }],
    ],
    branches: { main: ['2024-03-04', '2025-09-30'] },
  },
  {
    name: 'acme/container',
    description: 'Wires objects together',
    facts: { require: php },
    tags: [
      ['v1.0.0', '2024-01-20'],
      ['v1.0.1', '2024-01-21'],
      ['v1.1.0', '2025-05-05'],
    ],
    branches: { trunk: ['2024-01-19', '2025-05-04'] },
  },
  {
    name: 'acme/framework',
    description: 'The framework of the Acme company',
    facts: {
      require: { ...php, 'acme/container': '^1.0', 'acme/http': '^1.0', 'acme/log': '^1.0' },
      'require-dev': { 'acme/testing': '^1.0' },
    },
    tags: [
      ['1.0.0', '2024-04-02'],
      ['1.1.0', '2024-09-17'],
      [
        '2.0.0',
        '2025-11-04',
        {
          require: {
            php: '>=8.1',
            'acme/container': '^1.1',
            'acme/http': '^2.0',
            'acme/log': '^2.0',
          },
        },
      ],
    ],
    branches: { main: ['2024-04-01', '2025-11-03', '2026-03-01'] },
  },
  {
    name: 'acme/clock',
    description: 'A clock that can be set',
    facts: { require: php },
    hasShasum: true,
    tags: [
      ['1.0.0', '2024-05-06'],
      ['1.0.1', '2025-06-07'],
    ],
    branches: { main: ['2024-05-05'] },
  },
  {
    name: 'acme/suite',
    description: 'Everything of Acme at once',
    facts: {
      type: 'metapackage',
      require: {
        'acme/clock': '^1.0',
        'acme/framework': '^1.0 || ^2.0',
        'acme/messages': '^1.0',
      },
    },
    tags: [
      ['1.0.0', '2024-06-10'],
      ['1.1.0', '2025-12-01'],
    ],
    branches: { main: ['2024-06-09'] },
  },
  {
    name: 'acme/mailer',
    description: 'Sends letters',
    facts: {
      require: { ...php, 'acme/log': '^1.0 || ^2.0' },
      conflict: { 'acme/old-mailer': '*' },
    },
    tags: [
      ['1.0.0', '2025-02-03'],
      ['1.1.0', '2026-01-12'],
    ],
    branches: { main: ['2025-02-02'], 'feature/queue': ['2025-07-01', '2025-07-09'] },
  },
  {
    name: 'acme/old-mailer',
    description: 'Sent letters',
    facts: { require: php },
    tags: [
      ['0.9.0', '2024-01-05'],
      ['0.9.1', '2024-03-06'],
    ],
    branches: { master: ['2024-03-05'] },
    abandoned: { day: '2025-02-04', replacement: 'acme/mailer' },
  },
  {
    name: 'acme/testing',
    description: 'Runs the tests of the framework',
    facts: {
      bin: ['bin/acme-test'],
      extra: { 'branch-alias': { 'dev-main': '1.x-dev' } },
      require: php,
    },
    tags: [
      ['1.0.0', '2024-03-20'],
      ['1.0.1', '2024-12-24'],
    ],
    branches: { main: ['2024-03-19'] },
  },
  {
    name: 'beta/text',
    description: 'Shortens and wraps text: naïve, but fast',
    facts: { require: php },
    tags: [
      ['1.0.0', '2024-01-02'],
      ['1.0.1', '2024-02-02'],
      ['1.0.2', '2024-03-02'],
      ['1.1.0', '2024-06-02'],
      ['1.2.0', '2024-09-02'],
      ['1.10.0', '2025-01-02'],
      ['2.0.0', '2025-09-02'],
      ['2.0.1', '2026-01-02'],
    ],
    branches: { main: ['2024-01-01', '2026-01-01'] },
  },
  {
    name: 'beta/fonts',
    description: 'Large files to print text with',
    facts: { require: { ...php, 'beta/text': '^1.0' } },
    ballastBytes: 400_000,
    tags: [['1.0.0', '2024-08-01']],
    branches: { main: ['2024-07-31'] },
  },
  {
    name: 'beta/edge',
    description: 'Has branches only',
    facts: { require: php },
    tags: [],
    branches: { main: ['2024-10-10', '2025-10-10'] },
  },
]
