import { randomBytes } from 'node:crypto'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { sinkInto } from '../../src/archives/bring.ts'
import { heldBackBytes, openSpool } from '../../src/archives/spool.ts'
import { describe, rejection } from '../support/suite.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const body = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), randomBytes(3 * heldBackBytes)])

const ofZip = { distType: 'zip', uncheckedTypes: [] }

async function open() {
  const directory = temporaryDirectory('sink')
  let opened = 0
  return { spool: async () => await openSpool(path.join(directory, `${(opened += 1)}`)) }
}

describe('where a download goes', open, (test) => {
  test('refuses what begins like no archive, before anybody hears of it', async (context) => {
    const spool = await context.spool()
    const sink = sinkInto(spool, ofZip, () => assert.unreachable())
    await sink.begin(100_000)
    const page = Buffer.from('<!doctype html>'.padEnd(100_000))
    assert.match(String(await rejection(sink.write(page))), 'it is not a zip')
    spool.close()
  })

  test('keeps to the size that clients were told, however often upstream is asked', async (context) => {
    const spool = await context.spool()
    const told: unknown[] = []
    const sink = sinkInto(spool, ofZip, (sizeBytes) => told.push(sizeBytes))
    await sink.begin(body.length)
    assert.is(await sink.write(body), true)
    assert.equal(told, [body.length])
    for (const again of ['once', 'twice']) {
      await sink.begin(2 * body.length)
      assert.is(await sink.write(body), false, again)
    }
    await sink.begin(body.length)
    assert.is(await sink.write(body), true)
    assert.is(told.length, 1)
    spool.close()
  })
})
