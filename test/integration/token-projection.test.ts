import { times } from '../support/long.ts'
import { sourcesOf } from '../support/sources.ts'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { readToken, readTokenByDigest, readTokens, token } from '../../projections/token.ts'
import { newEvent } from '../../src/events/new-event.ts'
import { type DomainEvent, tokenStream, tokenUsesStream } from '../../src/events/types.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { rebuild } from '../../src/projector/rebuild.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { addSeconds } from '../../src/time-machine/instant.ts'
import { dumpSchema } from '../support/dump.ts'
import { applyInBatches, openReadModels, type ReadModels } from '../support/read-models.ts'
import { describe } from '../support/suite.ts'

const ids = ['1', '2', '3'].map((n) => `00000000-0000-4000-8000-00000000000${n}`)
const [one = '', two = '', three = ''] = ids
const written = { actor: 'admin', requestId: 'request-1' } as const

const id = fc.constantFrom(...ids)
/** In any order, which the log would never have: also then each read model is one and the same. */
const step = fc.record({
  afterSeconds: fc.constantFrom(0, 1, 60),
  what: fc.oneof(
    fc.record({ issued: id, replaces: fc.option(id), expires: fc.boolean() }),
    fc.record({ revoked: id }),
    fc.record({ used: fc.array(id, { maxLength: 4 }), agoSeconds: fc.constantFrom(0, 90) }),
  ),
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

function eventOf(what: Step['what'], { now }: ReadModels['clock']): DomainEvent {
  if ('revoked' in what) {
    return { type: 'TokenRevoked', data: { ...written, tokenId: what.revoked } }
  }
  if ('used' in what) {
    const at = addSeconds(now(), -what.agoSeconds)
    const uses = what.used.map((tokenId, n) => ({ tokenId, at: addSeconds(at, n), count: n + 1 }))
    return { type: 'TokensUsed', data: { uses } }
  }
  const { issued, replaces, expires } = what
  return {
    type: 'TokenIssued',
    data: {
      ...written,
      tokenId: issued,
      name: `token ${issued}`,
      sha256: sha256Of(Buffer.from(issued)),
      grants: [{ scope: 'read', vendors: ['acme'] }],
      ...(expires && { expiresAt: addSeconds(now(), 30) }),
      ...(replaces !== null && { replaces: { tokenId: replaces, until: addSeconds(now(), 60) } }),
    },
  }
}

async function append({ log, clock }: ReadModels, { afterSeconds, what }: Step): Promise<void> {
  clock.advance(afterSeconds)
  const event = newEvent(eventOf(what, clock))
  const stream = 'used' in what ? tokenUsesStream : tokenStream(one)
  await log.append({ stream, expected: 'any', events: [event] })
}

describe('the read model of tokens', openReadModels, (test) => {
  test('has of each what became of it', async (world) => {
    const { db, clock } = world
    const begin = clock.now()
    const steps: Step['what'][] = [
      { issued: one, replaces: null, expires: false },
      { issued: two, replaces: one, expires: true },
      { used: [one, two, one], agoSeconds: 0 },
      { used: [one], agoSeconds: 90 },
      { revoked: two },
      { revoked: two },
      { issued: three, replaces: two, expires: false },
    ]
    for (const what of steps) await append(world, { afterSeconds: 1, what })
    await applyInBatches(world, [2])
    const at = (seconds: number) => addSeconds(begin, seconds)
    const { sha256: _digest, grants, ...first } = (await readToken(db, one)) ?? {}
    assert.is(grants, '[{"scope":"read","vendors":["acme"]}]')
    assert.equal(first, {
      token_id: one,
      name: `token ${one}`,
      issued_at: at(1),
      issued_by: 'admin',
      expires_at: at(62),
      revoked_at: null,
      replaced_by: two,
      last_used_at: at(5),
      use_count: 5n,
    })
    const second = await readTokenByDigest(db, sha256Of(Buffer.from(two)))
    assert.is(second?.token_id, two)
    assert.is(second?.revoked_at, at(5), 'the first time')
    assert.is(second?.expires_at, at(32), 'which is before its successor takes over')
    assert.equal(
      (await readTokens(db, 2)).map(({ token_id }) => token_id),
      [three, two],
    )
    assert.is(await readTokenByDigest(db, 'nobody'), undefined)
  })

  test('rebuilt from the log equals the one that followed it, whatever happened', async (world) => {
    const { db, log, snapshots } = world
    const histories = fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 20 }),
      batches: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(histories, async ({ steps, batches }) => {
        for (const each of steps) await append(world, each)
        await applyInBatches(world, batches)
        const followed = await dumpSchema(db, schemaOf(token))
        await rebuild({ db, log, projection: token, sources: sourcesOf(snapshots.get) })
        assert.equal(await dumpSchema(db, schemaOf(token)), followed)
      }),
      { numRuns: times(6, 40), endOnFailure: true },
    )
    assert.is((await readTokens(db, 10)).length, 3)
  })
})
