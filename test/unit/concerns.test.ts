import { readdirSync, readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { projections } from '../../projections/index.ts'
import type { Tx } from '../../src/database/schema.ts'
import { isReadBy } from '../../src/events/concerns.ts'
import { DomainEvent, type RecordedEvent } from '../../src/events/types.ts'
import { Instant } from '../../src/time-machine/instant.ts'
import { describe } from '../support/suite.ts'

const fixtures = new URL('../fixtures/events/', import.meta.url)

function events(): readonly RecordedEvent[] {
  return readdirSync(fixtures).map((file, index) => {
    const data: unknown = JSON.parse(readFileSync(new URL(file, fixtures), 'utf8'))
    return {
      ...DomainEvent.parse({ type: file.split('.')[0], data }),
      id: '00000000-0000-4000-8000-000000000000',
      position: BigInt(index + 1),
      stream: 'test',
      version: 1,
      recordedAt: Instant.parse('2026-06-01T00:00:00.000000Z'),
    }
  })
}

/** Whatever is done with it is an error. */
const untouched = new Proxy({} as Tx, {
  // as nothing of it is there
  get: () => {
    throw new Error('it was used')
  },
})

const noSources = {
  snapshot: async () => await Promise.reject(new Error('a body was asked for')),
  digest: async () => await Promise.reject(new Error('a digest was asked for')),
}

async function uses(event: RecordedEvent, { apply }: (typeof projections)[number]) {
  return await apply(untouched, event, noSources).then(
    () => false,
    () => true,
  )
}

describe(
  'the table of what events concern',
  async () => ({}),
  (test) => {
    test('names exactly the read models that do something with an event', async () => {
      const used = new Map<string, Set<string>>()
      for (const event of events()) {
        for (const projection of projections) {
          if (!(await uses(event, projection))) continue
          const names = used.get(event.type) ?? new Set()
          used.set(event.type, names.add(projection.name))
        }
      }
      for (const { type } of events()) {
        const named = projections.map(({ name }) => name).filter((name) => isReadBy(name, type))
        assert.equal(named.toSorted(), [...(used.get(type) ?? [])].toSorted(), type)
      }
    })
  },
)
