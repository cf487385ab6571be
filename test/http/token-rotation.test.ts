import * as assert from 'uvu/assert'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'
import {
  administering,
  counts,
  issueToken,
  listedToken,
  refusalOf,
  revokeToken,
  rotateToken,
} from '../support/tokens.ts'
import { verifyDatabase } from '../support/verify.ts'

describe('a rotated token', startService, (test) => {
  test('has a successor with its name and grants, and counts for a day beside it', async (service) => {
    const { clock } = service
    const old = await issueToken(service, { name: 'to rotate', grants: administering })
    const next = await rotateToken(service, old.id, { reason: 'as every month' })
    assert.is.not(next.token, old.token)
    assert.is(next.name, old.name)
    assert.equal(next.grants, old.grants)
    assert.is(next.expiresAt, null)
    const { replacedBy, expiresAt } = (await listedToken(service, old.id)) ?? {}
    assert.equal({ replacedBy, expiresAt }, { replacedBy: next.id, expiresAt: dayLater })
    clock.advance(86_399)
    assert.ok(await counts(service, old.token))
    assert.ok(await counts(service, next.token))
    clock.advance(1)
    assert.not(await counts(service, old.token))
    assert.ok(await counts(service, next.token))
    assert.is((await listedToken(service, old.id))?.state, 'expired')
  })

  test('counts for as long as was asked for, and never longer than it would have', async (service) => {
    const { clock } = service
    const at = clock.now()
    const unlimited = await issueToken(service, { grants: administering })
    await rotateToken(service, unlimited.id, { overlapSeconds: 0 })
    assert.not(await counts(service, unlimited.token))
    const short = await issueToken(service, { grants: administering, expiresAt: hourAfter(at) })
    const next = await rotateToken(service, short.id)
    assert.is((await listedToken(service, short.id))?.expiresAt, hourAfter(at))
    assert.is(next.expiresAt, hourAfter(at), 'the new one for as long as the old one was meant to')
    const path = `/api/v1/tokens/${next.id}/rotate`
    for (const overlapSeconds of [-1, 1.5, 2_592_001, '60']) {
      assert.match(await refusalOf(service, path, { overlapSeconds }), /^400 body: overlapSeconds/)
    }
    const expiresAt = '2026-05-01T00:00:00Z'
    assert.match(await refusalOf(service, path, { expiresAt }), /^400 expiresAt is over/)
    const last = await rotateToken(service, next.id, {
      overlapSeconds: 2_592_000,
      expiresAt: '2030-01-01T00:00:00Z',
    })
    assert.is(last.expiresAt, '2030-01-01T00:00:00.000000Z')
  })

  test('can not be rotated again; nor can one that counts no more', async (service) => {
    const { clock } = service
    const path = (id: string) => `/api/v1/tokens/${id}/rotate`
    const rotated = await issueToken(service)
    await rotateToken(service, rotated.id)
    assert.match(await refusalOf(service, path(rotated.id), {}), /^409 .* successor already/)
    const revoked = await issueToken(service)
    await revokeToken(service, revoked.id)
    assert.match(await refusalOf(service, path(revoked.id), {}), /^409 the token is revoked/)
    clock.advance(86_400)
    assert.match(await refusalOf(service, path(rotated.id), {}), /^409 the token is expired/)
  })

  test('has one successor, however many ask for one at once', async (service) => {
    const { api, events } = service
    const { id } = await issueToken(service)
    const asked = Array.from({ length: 10 }, async () => {
      return (await api('POST', `/api/v1/tokens/${id}/rotate`)).status
    })
    const statuses = await Promise.all(asked)
    assert.equal(
      statuses.toSorted((one, other) => one - other),
      [201, ...Array.from({ length: 9 }, () => 409)],
    )
    const successors = (await events()).filter(
      ({ type, data }) => type === 'TokenIssued' && data.replaces?.tokenId === id,
    )
    assert.is(successors.length, 1)
  })

  test('may be revoked at once, and its successor goes on', async (service) => {
    const old = await issueToken(service, { grants: administering })
    const next = await rotateToken(service, old.id)
    await revokeToken(service, old.id)
    assert.not(await counts(service, old.token))
    assert.ok(await counts(service, next.token))
    await revokeToken(service, next.id)
    assert.not(await counts(service, next.token))
  })

  test('is the same in the read model, built from the log anew', async ({ database }) => {
    await verifyDatabase(database)
  })
})

const dayLater = '2026-06-02T00:00:00.000000Z'

function hourAfter(at: string): string {
  return new Date(Date.parse(at) + 3_600_000).toISOString().replace('Z', '000Z')
}
