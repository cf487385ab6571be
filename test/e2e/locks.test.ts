import * as assert from 'uvu/assert'
import { z } from 'zod'
import { type ComposerProject, composerProject } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { startService } from '../support/service.ts'
import { describedPackages, type PackageDescription } from '../support/upstream/packages.ts'

const packages: readonly PackageDescription[] = [
  ...describedPackages,
  {
    name: 'gamma/all',
    description: 'Every part of Gamma in one package',
    facts: { replace: { 'gamma/part': 'self.version' } },
    tags: [
      ['1.0.0', '2024-05-01'],
      ['1.1.0-RC1', '2025-05-01'],
    ],
    branches: { main: ['2024-05-01'], '1.x': ['2025-05-01'] },
  },
  {
    name: 'gamma/part',
    description: 'A part of Gamma',
    tags: [
      ['1.0.0', '2024-05-01'],
      ['1.2.0', '2025-05-01'],
    ],
    branches: { main: ['2024-05-01'] },
  },
  {
    name: 'gamma/tool',
    description: 'Needs a part, from whomever',
    facts: { require: { 'gamma/part': '^1.0', 'acme/message-implementation': '*' } },
    tags: [['1.0.0', '2024-05-01']],
    branches: { main: ['2024-05-01'] },
  },
]

interface Project {
  readonly require: Readonly<Record<string, string>>
  readonly extra?: Readonly<Record<string, unknown>>
  readonly args?: readonly string[]
}

const preferStable = { 'minimum-stability': 'dev', 'prefer-stable': true }

/** By what is odd about them. */
const projects: Readonly<Record<string, Project>> = {
  plain: { require: { 'acme/suite': '*', 'acme/mailer': '^1.0' } },
  'the lowest versions': {
    require: { 'acme/framework': '*', 'acme/messages': '*', 'beta/text': '*' },
    args: ['--prefer-lowest'],
  },
  'the lowest versions that are stable': {
    require: { 'acme/log': '>=1.1.1', 'beta/text': '*' },
    args: ['--prefer-lowest', '--prefer-stable'],
    extra: { 'minimum-stability': 'beta' },
  },
  'all stabilities': {
    require: { 'acme/suite': '*', 'beta/edge': '*' },
    extra: { 'minimum-stability': 'dev' },
  },
  'all stabilities, rather stable': {
    require: { 'acme/suite': '*', 'beta/edge': '*' },
    extra: preferStable,
  },
  'a flag of one package': { require: { 'acme/log': '2.0.*@beta', 'gamma/all': '@RC' } },
  'branches, one of them with a slash': {
    require: { 'acme/mailer': 'dev-feature/queue', 'beta/edge': 'dev-main', 'acme/log': '1.x-dev' },
  },
  'an alias for a branch': {
    require: { 'acme/framework': '^1.0', 'acme/log': 'dev-main as 1.5.0', 'acme/messages': '*' },
  },
  'an alias that the branch itself has': { require: { 'acme/testing': '1.x-dev' } },
  'the default branch': { require: { 'beta/text': 'dev-main', 'acme/clock': '@dev' } },
  'what another package provides': {
    require: { 'acme/http': '^2.0', 'acme/message-implementation': '^1.0', 'acme/messages': '*' },
  },
  'what nobody is required to provide': { require: { 'acme/http': '^2.0' } },
  'what another package replaces': { require: { 'gamma/all': '*', 'gamma/part': '*' } },
  'what either of two may be': { require: { 'gamma/tool': '*', 'acme/messages': '*' } },
  'what replaces another in part': {
    require: { 'gamma/all': 'dev-main', 'gamma/tool': '*', 'acme/messages': '*' },
    extra: preferStable,
  },
  'what is needed to develop': {
    require: { 'acme/clock': '*' },
    extra: { 'require-dev': { 'acme/testing': '*', 'acme/log': '^1.1' } },
  },
  'versions with advisories only': { require: { 'acme/log': '<1.1.1' } },
  'a PHP that isn’t here': {
    require: { 'acme/log': '^2.0' },
    extra: { config: { platform: { php: '7.4.0' }, 'secure-http': false } },
  },
  'a package that nobody has': { require: { 'acme/nothing': '*', 'beta/text': '*' } },
  'a version that nobody has': { require: { 'beta/text': '^9.0' } },
  'what conflicts': {
    require: { 'acme/mailer': '*', 'acme/old-mailer': '*' },
  },
  'a replacement for what is abandoned': { require: { 'acme/old-mailer': '*' } },
}

async function open({ run }: Composer) {
  const mirror = await startService({ upstream: { packages } })
  const rewrite = await startService({
    upstream: { packages },
    settings: { PROXY_DIST_MODE: 'rewrite' },
  })
  return {
    upstream: mirror.upstream,
    mirror,
    rewrite,
    /** What comes of an update and an install, apart from where things are. */
    outcomeOf: async (repository: string, { require, extra = {}, args = [] }: Project) => {
      const project = composerProject({ repository, require, extra })
      try {
        const { code, output } = await run(['update', ...args], project)
        return { code, lock: code === 0 ? lockOf(project) : undefined, output }
      } finally {
        project.remove()
      }
    },
    async close() {
      await mirror.close()
      await rewrite.close()
    },
  }
}

const Lock = z.looseObject({ packages: z.array(z.unknown()), 'packages-dev': z.array(z.unknown()) })

/** All of the lock but URLs of repositories, and what is made from them. */
function lockOf(project: ComposerProject): object {
  const { 'content-hash': _, ...lock } = Lock.parse(project.lock())
  const text = JSON.stringify(lock, (key, value: unknown) =>
    ['notification-url', 'url', 'mirrors', 'shasum'].includes(key) ? undefined : value,
  )
  return Lock.parse(JSON.parse(text))
}

forEachComposer('locks', open, (test) => {
  for (const [name, project] of Object.entries(projects)) {
    test(`are the same as at upstream itself: ${name}`, async (world) => {
      const { outcomeOf, upstream, mirror, rewrite } = world
      const direct = await outcomeOf(upstream.url, project)
      for (const { url } of [mirror, rewrite]) {
        const { code, lock, output } = await outcomeOf(url, project)
        assert.is(code, direct.code, `${output}\n${direct.output}`)
        assert.equal(lock, direct.lock)
      }
    })
  }
})
