import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { DocumentName } from '../../src/composer/names.ts'
import { createDigestion } from '../../src/digestion/digestion.ts'
import type { EventLog } from '../../src/events/log.ts'
import { NotRecordable } from '../../src/events/new-event.ts'
import {
  createRefresh,
  type KnownDocument,
  type RefreshOptions,
} from '../../src/metadata/refresh.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { createClock } from '../support/clock.ts'
import { createRecordingLog } from '../support/recording-log.ts'
import { describe, rejection } from '../support/suite.ts'

const document = DocumentName.parse('acme/log')
const body = Buffer.from('{"packages":{"acme/log":[{"name":"acme/log","version":"1.0.0"}]}}')

const unknown: KnownDocument = {
  streamVersion: 0,
  sha256: undefined,
  lastModified: undefined,
  refused: undefined,
  neverThere: undefined,
}

function parts(log: EventLog): RefreshOptions {
  return {
    fetchMetadata: async () => ({ outcome: 'body', body, lastModified: undefined }),
    doubtMissing: async (_, fetched) => fetched,
    snapshots: { put: async (bytes) => sha256Of(bytes), get: async () => body },
    log,
    knownDocument: async () => unknown,
    until: async () => {},
    digest: createDigestion().digest,
    turnFor: () => ({ take: async () => true, release: async () => {} }),
    now: createClock().now,
    upstreamHost: 'upstream',
    logger: pino({ level: 'silent' }),
  }
}

/** Over a log that doesn't take what changes documents, and what was appended to it all the same. */
function openRefresh(error: Error) {
  const { log, appends } = createRecordingLog()
  const append: EventLog['append'] = async (each) => {
    if (each.events.some(({ type }) => type === 'MetadataChanged')) throw error
    return await log.append(each)
  }
  const refresh = createRefresh(parts({ ...log, append }))
  return { refresh, appends }
}

describe(
  'a document of which the events cannot be recorded',
  async () => ({}),
  (test) => {
    test('counts as a bad one, which is recorded', async () => {
      const { refresh, appends } = openRefresh(new NotRecordable('too large'))
      assert.equal(await refresh(document), { outcome: 'recorded', isShared: false })
      const recorded = appends.flatMap(({ events }) => events)
      assert.equal(
        recorded.map(({ type, data }) => [type, 'reason' in data ? data.reason : undefined]),
        [['MetadataFetchFailed', 'invalid_document']],
      )
    })

    test('is an error of ours when it is the log that fails', async () => {
      const { refresh, appends } = openRefresh(new Error('no database'))
      assert.match(String(await rejection(refresh(document))), 'no database')
      assert.equal(appends, [])
    })
  },
)

describe(
  'an answer that is recorded already',
  async () => ({}),
  (test) => {
    test('is shared by those who join while upstream is asked', async () => {
      const refresh = createRefresh({
        ...parts(createRecordingLog().log),
        fetchMetadata: async () => ({ outcome: 'missing', status: 404 }),
        knownDocument: async () => ({ ...unknown, streamVersion: 1, neverThere: 'missing' }),
      })
      const answers = await Promise.all([refresh(document), refresh(document), refresh(document)])
      const isShared = answers.map((answer) => answer.outcome === 'unrecorded' && answer.isShared)
      assert.equal(isShared, [false, true, true])
    })
  },
)
