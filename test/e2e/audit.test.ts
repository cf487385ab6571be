import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { composerProject } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import { type Service, startService } from '../support/service.ts'

const clean = /No security vulnerability advisories found/
const forgedLines = 'PKSA-acme-log0-0001'
const vulnerable = { 'acme/log': '1.0.0', 'beta/text': '*' }
const harmless = { 'beta/text': '*' }

const Advisory = z.object({ advisoryId: z.string() })
/** Lists have gaps where something doesn't match, so PHP writes some as objects. */
const Advisories = z.array(Advisory).or(z.record(z.string(), Advisory))
const Report = z.object({
  advisories: z.record(z.string(), Advisories).or(z.array(z.never())),
})

const ways = [{ mode: 'reset' }, { mode: 'status', status: 503 }] as const
type Away = (typeof ways)[number]

interface Audited {
  readonly code: number | null
  readonly output: string
  /** undefined: Composer reports nothing. */
  readonly ids: readonly string[] | undefined
}

/** Locks what is required, whatever is wrong with it. */
async function locked(
  { run }: Composer,
  { url }: Service,
  require: Readonly<Record<string, string>>,
) {
  const config = {
    'secure-http': false,
    'allow-plugins': false,
    audit: { 'block-insecure': false },
  }
  const elsewhere = { name: 'elsewhere/thing', version: '1.0.0', type: 'metapackage' }
  const repositories = [
    { type: 'package', package: elsewhere },
    { type: 'composer', url },
    { 'packagist.org': false },
  ]
  const project = composerProject({ repository: url, require, extra: { config, repositories } })
  const update = await run(['update', '--no-install', '--no-audit'], project)
  assert.is(update.code, 0, update.output)
  return {
    remove: project.remove,
    /** To one that nobody has asked for here: later Composers ask for all names, and those nobody has are known then. */
    rename() {
      const file = path.join(project.directory, 'composer.lock')
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll('elsewhere/', 'unheard-of/'))
    },
    async audit(): Promise<Audited> {
      const { code, output } = await run(['audit', '--locked', '--format=json'], project)
      return { code, output, ids: reported(output) }
    },
    /** As people see it. */
    print: async () => await run(['audit', '--locked'], project),
  }
}

function reported(output: string): readonly string[] | undefined {
  const json = /^\{[^]*^\}/m.exec(output)?.[0]
  if (json === undefined) return undefined
  const { advisories } = Report.parse(JSON.parse(json))
  return Object.values(advisories).flatMap((all) =>
    Object.values<z.infer<typeof Advisory>>(all).map(({ advisoryId }) => advisoryId),
  )
}

/** Nothing of upstream is there; and a while after it. */
async function away<Outcome>(
  { upstream, clock }: Service,
  how: Away,
  work: () => Promise<Outcome>,
): Promise<Outcome> {
  const end = upstream.fail({ match: /./, ...how })
  try {
    return await work()
  } finally {
    end()
    clock.advance(300)
  }
}

async function open(root: Readonly<Record<string, unknown>> = {}) {
  return await startService({ upstream: { root } })
}

forEachComposer(
  'an audit',
  async () => await open(),
  (test, composer) => {
    test('finds what it found while upstream was there, when it is away', async (service) => {
      const bad = await locked(composer, service, vulnerable)
      const good = await locked(composer, service, harmless)
      const before = { bad: await bad.audit(), good: await good.audit() }
      assert.equal(before.bad.ids, [forgedLines], before.bad.output)
      assert.equal([before.bad.code, before.good.code], [1, 0])
      for (const how of ways) {
        const [stale, harm] = await away(service, how, async () => [
          await bad.audit(),
          await good.audit(),
        ])
        assert.equal([stale.code, stale.ids], [1, [forgedLines]], stale.output)
        assert.equal([harm.code, harm.ids], [0, []], harm.output)
      }
      bad.remove()
      good.remove()
    })

    test('fails, and doesn’t find nothing, when nothing is known of a name', async (service) => {
      const project = await locked(composer, service, { ...harmless, 'elsewhere/thing': '*' })
      const before = await project.audit()
      assert.equal([before.code, before.ids], [0, []], before.output)
      project.rename()
      for (const how of ways) {
        const { code, output } = await away(service, how, async () => await project.print())
        assert.ok(code !== 0, output)
        assert.not.match(output, clean)
        assert.match(output, 'nothing is known here about the advisories of unheard-of/thing')
      }
      project.remove()
    })
  },
)

forEachComposer(
  'an audit where upstream answers no questions for advisories',
  async () => await open({ 'security-advisories': { metadata: true } }),
  (test, composer) => {
    test('finds what documents say', async (service) => {
      const bad = await locked(composer, service, vulnerable)
      const good = await locked(composer, service, harmless)
      const found = await bad.audit()
      assert.equal([found.code, found.ids], [1, [forgedLines]], found.output)
      const { code, output } = await bad.print()
      assert.is(code, 1)
      assert.match(output, 'which gives no details')
      const nothing = await good.audit()
      assert.equal([nothing.code, nothing.ids], [0, []], nothing.output)
      const stale = await away(service, ways[0], async () => await bad.audit())
      assert.equal([stale.code, stale.ids], [1, [forgedLines]], stale.output)
      bad.remove()
      good.remove()
    })

    test('fails where there are no documents', async (service) => {
      const project = await locked(composer, service, { ...harmless, 'elsewhere/thing': '*' })
      project.rename()
      const { code, output } = await away(service, ways[0], async () => await project.print())
      assert.ok(code !== 0, output)
      assert.not.match(output, clean)
      assert.match(output, 'nothing is known here about the advisories of unheard-of/thing')
      project.remove()
    })
  },
)
