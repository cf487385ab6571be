import * as assert from 'uvu/assert'
import { readArchive } from '../../projections/archive.ts'
import { readCurrentDocument } from '../../projections/document-queries.ts'
import { referenceToken, versionToken } from '../../src/composer/mirror-tokens.ts'
import { DocumentName, PackageName } from '../../src/composer/names.ts'
import { newEvent } from '../../src/events/new-event.ts'
import { archiveStream, documentStream, type DomainEvent } from '../../src/events/types.ts'
import { createSnapshotStore, sha256Of } from '../../src/snapshots/store.ts'
import { createClock } from '../support/clock.ts'
import { openRig, type Serve } from '../support/scripted-upstream.ts'
import { startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

const farAway = createClock('9999-12-31T23:59:55Z').now()
const packageName = PackageName.parse('acme/log')
const document = DocumentName.parse('acme/log')
const reference = '0'.repeat(40)

/** Of the version 1.0.0 and what else is said of it. */
function bodyOf(description: string): Buffer {
  const version = {
    name: packageName,
    description,
    version: '1.0.0',
    version_normalized: '1.0.0.0',
  }
  return Buffer.from(JSON.stringify({ packages: { [packageName]: [version] } }))
}

/** Over an upstream that does what a test says. */
async function open() {
  const rig = await openRig()
  const service = await startService({
    settings: { PROXY_PACKAGIST_URL: rig.url, PROXY_FEED_INTERVAL: '60' },
  })
  const { log, get, database } = service
  async function record(stream: string, ...events: readonly DomainEvent[]): Promise<void> {
    await log.append({ stream, expected: 'any', events: events.map(newEvent) })
  }
  return {
    ...service,
    snapshots: createSnapshotStore(database.db),
    rig,
    record,
    descriptionNow: async () =>
      /"description":"(\w+)"/.exec((await get('/p2/acme/log.json')).body.toString())?.[1],
    conditions: () => rig.requests.map(({ headers }) => headers['if-modified-since']),
    async close() {
      await service.close()
      await rig.close()
    },
  }
}

/** A document that is dated far away, and "not modified" to whoever asks by that date. */
function dated(description: string): Serve {
  return ({ url, headers }, response) => {
    const isThere = url === '/p2/acme/log.json'
    const isAsked = headers['if-modified-since'] === undefined
    response.setHeader('last-modified', 'Fri, 31 Dec 9999 23:59:55 GMT')
    if (isThere && isAsked) response.end(bodyOf(description))
    else response.writeHead(isThere ? 304 : 404).end()
  }
}

describe('a document that upstream dates far away', open, (test) => {
  test('is followed as one without a date', async (world) => {
    const { rig, descriptionNow, conditions, clock, get } = world
    rig.start(dated('one'))
    assert.is(await descriptionNow(), 'one')
    rig.start(dated('two'))
    clock.advance(3600)
    assert.is(await descriptionNow(), 'two')
    assert.equal(conditions(), [undefined])
    const { headers } = await get('/p2/acme/log.json')
    assert.is(headers['last-modified'], 'Mon, 01 Jun 2026 01:00:00 GMT')
    assert.is((await get('/readyz')).statusCode, 200)
  })

  test('that was recorded with its date is let go of, and so is what came after', async (world) => {
    const { rig, record, snapshots, get, clock, descriptionNow, conditions, restart } = world
    const { database } = world
    const third = await snapshots.put(bodyOf('three'), undefined)
    const fourth = await snapshots.put(bodyOf('four'), undefined)
    clock.advance(3600)
    const about = { document, lastModified: farAway, fetchedAt: clock.now(), sizeBytes: 1 }
    await record(
      documentStream(document),
      { type: 'MetadataChanged', data: { ...about, sha256: third } },
      { type: 'MetadataConfirmed', data: { ...about, sha256: third } },
      { type: 'MetadataChanged', data: { ...about, sha256: fourth } },
    )
    await eventually('what was recorded is read', async () => {
      return (await readCurrentDocument(database.db, document))?.sha256 === fourth
    })
    assert.is(await descriptionNow(), 'four')
    assert.is((await get('/readyz')).statusCode, 200)
    rig.start(dated('five'))
    await restart()
    clock.advance(3600)
    assert.is(await descriptionNow(), 'five')
    assert.equal(conditions(), [undefined])
  })
})

describe('a page of the feed that was recorded with dates far away', open, (test) => {
  test('has the documents that it names fetched, once', async (world) => {
    const { rig, record, clock, runJob, descriptionNow, conditions, database } = world
    rig.start((request, response) => {
      const { url = '' } = request
      if (url === '/packages.json') {
        response.end('{"metadata-url":"/p2/%package%.json","metadata-changes-url":"/changes.json"}')
      } else if (url.startsWith('/changes.json')) {
        const timestamp = (Date.parse(clock.now()) / 1000) * 10_000
        response.end(JSON.stringify({ timestamp, actions: [] }))
      } else dated('two')(request, response)
    })
    await descriptionNow()
    const readAt = clock.now()
    await record('feed-old', {
      type: 'ChangeFeedRead',
      data: {
        feed: `${rig.url}/changes.json`,
        until: 1,
        resync: false,
        changed: [{ document, changedAt: farAway }],
        deleted: [{ packageName: PackageName.parse('acme/gone'), deletedAt: farAway }],
        readAt,
      },
    })
    const unseen = async () => (await readCurrentDocument(database.db, document))?.unseen_change_at
    await eventually('it is noted', async () => (await unseen()) === readAt)
    clock.advance(16 * 60)
    await runJob('change feed')
    assert.is(await unseen(), null)
    assert.ok(conditions().every((date) => date === undefined))
  })
})

describe('an archive that upstream dates far away', open, (test) => {
  test('is not asked for by its date, also when it was recorded', async (world) => {
    const { record, clock, database } = world
    const data = {
      packageName,
      versionNormalized: '1.0.0.0',
      reference,
      distType: 'zip',
      sha256: sha256Of(Buffer.alloc(1)),
      sizeBytes: 1,
      etag: '"1"',
      sourceUrl: 'https://example.org/archive.zip',
      fetchedAt: clock.now(),
    }
    await record(archiveStream(packageName), {
      type: 'ArchiveStored',
      data: { ...data, lastModified: farAway },
    })
    const tokens = {
      packageName,
      versionToken: versionToken('1.0.0.0'),
      referenceToken: referenceToken(reference),
      distType: 'zip',
    }
    const stored = await eventually('it is stored', async () => {
      return await readArchive(database.db, tokens)
    })
    assert.equal([stored?.etag, stored?.last_modified], ['"1"', null])
  })
})
