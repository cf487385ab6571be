import { randomUUID } from 'node:crypto'
import * as assert from 'uvu/assert'
import { DocumentName } from '../../src/composer/names.ts'
import type { AppendResult, EventLog } from '../../src/events/log.ts'
import { newEvent } from '../../src/events/new-event.ts'
import type { NewEvent, RecordedEvent } from '../../src/events/types.ts'
import { addSeconds, Instant } from '../../src/time-machine/instant.ts'
import { describe } from '../support/suite.ts'

const at = Instant.parse('2026-05-01T12:00:00.000000Z')

function missing(name = 'acme/log'): NewEvent {
  const document = DocumentName.parse(name)
  return newEvent({ type: 'MetadataMissing', data: { document, status: 404, fetchedAt: at } })
}

function appended(result: AppendResult): readonly RecordedEvent[] {
  if (result.outcome !== 'appended') throw new Error(`conflict at version ${result.version}`)
  return result.events
}

async function readAll(log: EventLog): Promise<readonly RecordedEvent[]> {
  const all: RecordedEvent[] = []
  for (;;) {
    const batch = await log.read(all.at(-1)?.position ?? 0n, 100)
    if (batch.length === 0) return all
    all.push(...batch)
  }
}

/** What every adapter of the event log promises. */
export function eventLogContract(
  name: string,
  open: () => Promise<{ readonly log: EventLog; close(): Promise<void> }>,
): void {
  describe(`event log contract: ${name}`, open, (test) => {
    const append = async (log: EventLog, stream: string, count = 1): Promise<AppendResult> =>
      await log.append({
        stream,
        expected: 'any',
        events: Array.from({ length: count }, () => missing()),
      })

    test('gives back what was appended, in order, with all of its data', async ({ log }) => {
      const events = [missing('acme/one'), missing('acme/two')]
      const recorded = appended(await log.append({ stream: 'order', expected: 0, events }))
      assert.equal(
        recorded.map(({ id, type, data, stream, version }) => ({
          id,
          type,
          data,
          stream,
          version,
        })),
        events.map((event, index) => ({ ...event, stream: 'order', version: index + 1 })),
      )
      const read = await log.readStream('order', { after: 0, limit: 10 })
      assert.equal(read, recorded)
    })

    test('reads a stream from a version on, no more than asked for', async ({ log }) => {
      await append(log, 'paged', 5)
      const page = await log.readStream('paged', { after: 1, limit: 2 })
      assert.equal(
        page.map(({ version }) => version),
        [2, 3],
      )
      assert.equal(await log.readStream('no such stream', { after: 0, limit: 2 }), [])
    })

    test('appends to a stream only at the version that was expected', async ({ log }) => {
      const first = { stream: 'expected', expected: 0, events: [missing()] }
      assert.is((await log.append(first)).outcome, 'appended')
      const late = await log.append({ ...first, events: [missing()] })
      assert.equal(late, { outcome: 'conflict', version: 1 })
      const early = await log.append({ ...first, expected: 7, events: [missing()] })
      assert.equal(early, { outcome: 'conflict', version: 1 })
      const next = await log.append({ ...first, expected: 1, events: [missing()] })
      assert.is(next.outcome, 'appended')
    })

    test('of several writers with one expectation, exactly one is let in', async ({ log }) => {
      const results = await Promise.all(
        Array.from(
          { length: 8 },
          async () => await log.append({ stream: 'race', expected: 0, events: [missing()] }),
        ),
      )
      assert.is(results.filter(({ outcome }) => outcome === 'appended').length, 1)
      assert.is((await log.readStream('race', { after: 0, limit: 10 })).length, 1)
    })

    test('a repeated append changes nothing and answers as the first did', async ({ log }) => {
      const twice = { stream: 'repeated', expected: 0, events: [missing(), missing()] }
      const first = await log.append(twice)
      const head = await log.head()
      assert.equal(await log.append(twice), first)
      assert.is(await log.head(), head)
    })

    test('an append with many events is all there or not at all', async ({ log }) => {
      await append(log, 'atomic')
      const id = randomUUID()
      const events = [missing(), { ...missing(), id }, { ...missing(), id }]
      await log.append({ stream: 'atomic', expected: 1, events }).then(
        () => assert.unreachable('two events with one id were taken'),
        () => undefined,
      )
      assert.is((await log.readStream('atomic', { after: 0, limit: 10 })).length, 1)
    })

    test('refuses an event that is too large', async ({ log }) => {
      const event = newEvent({
        type: 'MetadataFetchFailed',
        data: {
          document: DocumentName.parse('acme/log'),
          reason: 'status',
          durationMs: 1,
          fetchedAt: at,
        },
      })
      const data = Object.assign({}, event.data, { note: 'x'.repeat(70_000) })
      const large = { ...event, data } as NewEvent // no event of a real type is that large
      await log.append({ stream: 'large', expected: 'any', events: [large] }).then(
        () => assert.unreachable('it was taken'),
        (error: unknown) => assert.match(String(error), /too large/),
      )
      assert.equal(await log.readStream('large', { after: 0, limit: 1 }), [])
    })

    test('a reader that follows concurrent writers gets every event once, in order', async ({
      log,
    }) => {
      const from = await log.head()
      const followed: RecordedEvent[] = []
      const writers = Array.from({ length: 6 }, async (_, writer) => {
        for (let n = 0; n < 20; n++) await append(log, `writer-${writer}`, 1 + (n % 3))
      })
      const writing = { isOver: false }
      const written = Promise.all(writers).finally(() => (writing.isOver = true))
      const follow = async (): Promise<number> => {
        const batch = await log.read(followed.at(-1)?.position ?? from, 7)
        followed.push(...batch)
        return batch.length
      }
      while (!writing.isOver || (await follow()) > 0) await follow()
      await written
      const events = (await readAll(log)).filter(({ position }) => position > from)
      assert.equal(followed, events)
      assert.is(new Set(followed.map(({ id }) => id)).size, followed.length)
    })

    test('positions and instants strictly increase together, versions are dense', async ({
      log,
    }) => {
      const all = await readAll(log)
      assert.ok(all.length > 100, 'the tests before have written enough to look at')
      const versions = new Map<string, number>()
      let before: RecordedEvent | undefined
      for (const event of all) {
        if (before !== undefined) {
          assert.ok(event.position > before.position)
          assert.ok(event.recordedAt > before.recordedAt, `${event.recordedAt} is later`)
        }
        assert.is(event.version, (versions.get(event.stream) ?? 0) + 1)
        versions.set(event.stream, event.version)
        before = event
      }
    })

    test('an instant comes down to the last event at or before it', async ({ log }) => {
      const all = await readAll(log)
      const [first] = all
      const middle = all[Math.floor(all.length / 2)]
      const last = all.at(-1)
      if (!first || !middle || !last) throw new Error('the log is empty')
      assert.is(await log.positionAt(addSeconds(first.recordedAt, -1)), 0n)
      assert.is(await log.positionAt(middle.recordedAt), middle.position)
      assert.is(await log.positionAt(addSeconds(last.recordedAt, 1)), last.position)
      assert.is(await log.head(), last.position)
    })
  })
}
