import { sourcesOf } from '../support/sources.ts'
import fc from 'fast-check'
import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { alert } from '../../projections/alert.ts'
import { readAlerts } from '../../projections/alert-queries.ts'
import { DocumentName, PackageName } from '../../src/composer/names.ts'
import { newEvent } from '../../src/events/new-event.ts'
import type { DomainEvent } from '../../src/events/types.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { rebuild } from '../../src/projector/rebuild.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { createClock } from '../support/clock.ts'
import { dumpSchema } from '../support/dump.ts'
import { applyInBatches, openReadModels, type ReadModels } from '../support/read-models.ts'
import { describe } from '../support/suite.ts'

const document = DocumentName.parse('acme/log')
const fetchedAt = createClock().now()
const [one, two, three] = ['1', '2', '3'].map((text) => sha256Of(Buffer.from(text)))
const origin = { code: 'upstream_failing', subject: 'https://one.example' } as const

function differed(upstreamTreeSha256 = two): DomainEvent {
  return {
    type: 'ArchiveDiffered',
    data: {
      packageName: PackageName.parse('acme/log'),
      versionNormalized: '1.0.0.0',
      reference: 'a'.repeat(40),
      distType: 'zip',
      treeSha256: one,
      upstreamTreeSha256,
      upstreamSha256: upstreamTreeSha256,
      sourceUrl: 'https://example.org/archive.zip',
      fetchedAt,
    } as Extract<DomainEvent, { type: 'ArchiveDiffered' }>['data'], // the texts are hashes
  }
}

function confirmed(versions: readonly string[]): DomainEvent {
  const rejectedVersions = versions.map((version) => ({ version, problem: 'bad' }))
  const data = { document, sha256: sha256Of(Buffer.from('body')), fetchedAt }
  return { type: 'MetadataConfirmed', data: { ...data, lastModified: fetchedAt, rejectedVersions } }
}

const commits = ['a', 'b', 'c'] as const
const move = (from: string, to: string): DomainEvent => {
  return { type: 'ReferenceMoved', data: { document, version: '1.0.0', from, to, fetchedAt } }
}

const written = { actor: 'admin', requestId: 'build-4711' }
const packageName = PackageName.parse('acme/log')
const blocked = (constraint: string): DomainEvent => {
  return { type: 'VersionsBlocked', data: { packageName, constraint, ...written } }
}
const unblocked = (constraint?: string): DomainEvent => {
  return { type: 'VersionsUnblocked', data: { packageName, constraint, ...written } }
}

/** What opens alerts, and what resolves them. */
const fact = fc.constantFrom<DomainEvent>(
  { type: 'AlertOpened', data: { ...origin, detail: 'It fails.' } },
  { type: 'AlertContinued', data: { ...origin, detail: 'It still fails.' } },
  { type: 'AlertResolved', data: origin },
  {
    type: 'MetadataFetchFailed',
    data: { document, reason: 'invalid_document', durationMs: 1, fetchedAt },
  },
  confirmed([]),
  confirmed(['1.0.0']),
  confirmed(['1.0.0', '2.0.0']),
  blocked('1.0'),
  blocked('~~'),
  unblocked('1.0'),
  unblocked('~~'),
  unblocked(),
  differed(two),
  differed(three),
  ...commits.flatMap((from) => commits.flatMap((to) => (from === to ? [] : [move(from, to)]))),
)

/** A fact, or somebody sees the alert that one of the last facts opened. */
const step = fc.oneof(
  { weight: 3, arbitrary: fact },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 5 }) },
)

async function append({ log, clock }: ReadModels, what: DomainEvent | number): Promise<void> {
  clock.advance(1)
  const event = typeof what === 'number' ? await acknowledgement(log, what) : what
  if (event === undefined) return
  await log.append({ stream: 'facts', expected: 'any', events: [newEvent(event)] })
}

/** Of what the event that was recorded so many before the end opened, if it did. */
async function acknowledgement(
  log: ReadModels['log'],
  back: number,
): Promise<DomainEvent | undefined> {
  const head = await log.head()
  const [event] = head < BigInt(back) ? [] : await log.read(head - BigInt(back), 1)
  if (event === undefined) return undefined
  const data = { id: event.id, actor: 'admin', requestId: 'build-4711' }
  return { type: 'AlertAcknowledged', data }
}

describe('alerts, whatever happens', openReadModels, (test) => {
  test('are one for each cause at a time, and equal those made anew', async (models) => {
    const { db, log, snapshots } = models
    const histories = fc.record({
      steps: fc.array(step, { minLength: 5, maxLength: 40 }),
      batches: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
    })
    const met = new Set<string>()
    await fc.assert(
      fc.asyncProperty(histories, async ({ steps, batches }) => {
        for (const each of steps) await append(models, each)
        await applyInBatches(models, batches)
        const { rows } = await sql`
          select code, subject from alert where resolved_at is null
          group by code, subject having count(*) > 1`.execute(db)
        assert.equal(rows, [])
        for (const each of await readAlerts(db, { state: 'all', limit: 1000 })) {
          met.add(each.resolved_at === null ? 'open' : each.lasting ? 'quiet' : 'over')
          if (each.count > 1) met.add('counted')
          if (each.acknowledged_at !== null) met.add('seen')
        }
        const followed = await dumpSchema(db, schemaOf(alert))
        await rebuild({ db, log, projection: alert, sources: sourcesOf(snapshots.get) })
        assert.equal(await dumpSchema(db, schemaOf(alert)), followed)
      }),
      // Each run goes on where the one before ended: the last rebuilds the history of all.
      { numRuns: 20, seed: 1, endOnFailure: true },
    )
    assert.equal(met, new Set(['open', 'counted', 'seen', 'quiet', 'over']))
  })

  test('of a block that this release cannot read last until it is ended', async (models) => {
    const { db } = models
    const open = async () => {
      await applyInBatches(models, [50])
      const alerts = await readAlerts(db, { state: 'open', limit: 1000 })
      return alerts.filter(({ code }) => code === 'constraint_unreadable')
    }
    const all = [unblocked(), blocked('~~'), blocked('1.0'), unblocked('1.0')]
    for (const event of all) await append(models, event)
    const [alertOpen, ...others] = await open()
    assert.is(alertOpen?.subject, 'acme/log')
    assert.match(alertOpen?.detail ?? '', 'all of its versions')
    assert.equal(others, [])
    await append(models, unblocked('~~'))
    assert.equal(await open(), [])
  })

  test('of a condition are resolved by its end alone', async (models) => {
    const { db, log } = models
    await append(models, { type: 'AlertResolved', data: origin })
    await append(models, { type: 'AlertOpened', data: { ...origin, detail: 'It fails.' } })
    await append(models, 1)
    await applyInBatches(models, [50])
    const open = async () =>
      (await readAlerts(db, { state: 'open', limit: 1000 })).filter(
        ({ code }) => code === 'upstream_failing',
      )
    assert.is((await open()).length, 1)
    assert.is((await log.read((await log.head()) - 1n, 1))[0]?.type, 'AlertAcknowledged')
    assert.is.not((await open())[0]?.acknowledged_at, null)
    await append(models, { type: 'AlertResolved', data: origin })
    await applyInBatches(models, [50])
    assert.equal(await open(), [])
  })
})
