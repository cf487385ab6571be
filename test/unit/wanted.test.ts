import { pino } from 'pino'
import * as assert from 'uvu/assert'
import type { Client } from '../../src/access/client.ts'
import { anonymous } from '../../src/access/principal.ts'
import { ArchiveBlocked } from '../../src/archives/blocked.ts'
import { createNotingWanted } from '../../src/archives/wanted.ts'
import { PackageName } from '../../src/composer/names.ts'
import { AppError } from '../../src/errors.ts'
import { createClock } from '../support/clock.ts'
import { createRecordingLog } from '../support/recording-log.ts'
import { describe, rejection } from '../support/suite.ts'

const rule = { list: 'own', constraint: '*', reason: null } as const

async function open() {
  const clock = createClock()
  const { log, appends, state } = createRecordingLog()
  const noting = createNotingWanted({
    log,
    now: clock.now,
    requestId: () => undefined,
    logger: pino({ level: 'silent' }),
  })
  async function fail(error: Error, client: Client | undefined): Promise<void> {
    const thrown = await rejection(
      noting({ principal: anonymous, client }, async () => {
        throw error
      }),
    )
    assert.is(thrown, error, 'whoever asks is told the same')
  }
  return {
    clock,
    state,
    fail,
    recordedCount: () => appends.length,
    want: async (name: string, address: string) => {
      const blocked = new ArchiveBlocked(PackageName.parse(name), { version: '1.0.0.0', rule })
      await fail(blocked, { key: `address ${address}`, hasToken: false })
    },
  }
}

describe('blocked archives that are wanted', open, (test) => {
  test('are recorded of 50 packages a day for one client, and of 200 for all without a token', async (context) => {
    const { want, recordedCount, clock } = context
    for (let number = 0; number < 60; number++) await want(`acme/a${number}`, '192.0.2.1')
    assert.is(recordedCount(), 50)
    for (let number = 0; number < 300; number++) {
      await want(`acme/b${number}`, `198.51.100.${number % 10}`)
    }
    assert.is(recordedCount(), 200)
    clock.advance(86_400)
    await want('acme/a1', '192.0.2.1')
    assert.is(recordedCount(), 201)
  })

  test('are recorded by the next request when that fails', async (context) => {
    const { want, recordedCount, state, clock } = context
    clock.advance(86_400)
    const before = recordedCount()
    state.failing = true
    await want('acme/log', '192.0.2.1')
    assert.is(recordedCount(), before)
    state.failing = false
    await want('acme/log', '192.0.2.1')
    await want('acme/log', '192.0.2.2')
    assert.is(recordedCount(), before + 1)
  })

  test('are none when the service itself wants them, or when something else is wrong', async (context) => {
    const { fail, recordedCount, clock } = context
    clock.advance(86_400)
    const before = recordedCount()
    const packageName = PackageName.parse('acme/log')
    await fail(new ArchiveBlocked(packageName, { version: '1.0.0.0', rule }), undefined)
    const client = { key: 'address 192.0.2.1', hasToken: false }
    await fail(new AppError('archive_not_found', 'nothing'), client)
    assert.is(recordedCount(), before)
  })
})
