import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import * as assert from 'uvu/assert'
import { heldBackBytes, heldBackBytesOf, openSpool } from '../../src/archives/spool.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { describe, rejection } from '../support/suite.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const body = randomBytes(3 * heldBackBytes)
const named = { sha256: sha256Of(body), sizeBytes: body.length }
const half = body.subarray(0, body.length / 2)
const rest = body.subarray(body.length / 2)

async function open() {
  const directory = temporaryDirectory('spool')
  let opened = 0
  return { spool: async () => await openSpool(path.join(directory, `${(opened += 1)}`)) }
}

async function take(bytes: AsyncIterator<Buffer>): Promise<Buffer> {
  const { value, done } = await bytes.next()
  if (done === true) throw new Error('that was all')
  return value
}

describe('a download that is read while it is written', open, (test) => {
  test('gives what is there, but for its end, and the end once it is good', async (context) => {
    const spool = await context.spool()
    await spool.write(half)
    assert.is(spool.readableBytes(), half.length - heldBackBytes)
    const reader = spool.arriving()[Symbol.asyncIterator]()
    const first = await take(reader)
    assert.ok(first.equals(half.subarray(0, half.length - heldBackBytes)))
    await spool.write(rest)
    const second = await take(reader)
    assert.is(first.length + second.length, body.length - heldBackBytes)
    const third = take(reader)
    const blob = spool.finish(named)
    spool.close()
    assert.ok(Buffer.concat([first, second, await third]).equals(body))
    assert.ok((await buffer(blob.bytes())).equals(body))
    assert.ok((await buffer(blob.bytes({ from: 5, to: 9 }))).equals(body.subarray(5, 9)))
  })

  test('gives nothing of what could be unpacked before it is good', async () => {
    const directory = temporaryDirectory('spool-tar')
    const spool = await openSpool(path.join(directory, 'tar'), heldBackBytesOf('tar'))
    await spool.write(body)
    assert.is(spool.readableBytes(), 0)
    const read = buffer(spool.arriving())
    spool.finish(named)
    spool.close()
    assert.ok((await read).equals(body))
  })

  test('that broke off gives those who wait an error in place of its end', async (context) => {
    const spool = await context.spool()
    await spool.write(body)
    const read = buffer(spool.arriving())
    spool.close()
    assert.match(String(await rejection(read)), 'the download broke off')
  })

  test('goes on for a reader when upstream, asked again, sends the same', async (context) => {
    const spool = await context.spool()
    await spool.write(half)
    const reader = spool.arriving()[Symbol.asyncIterator]()
    const first = await take(reader)
    await spool.rewind()
    for (let at = 0; at < body.length; at += 1000) {
      assert.is(await spool.write(body.subarray(at, at + 1000)), true)
    }
    assert.is(spool.end(), true)
    const blob = spool.finish(named)
    const others = await buffer({ [Symbol.asyncIterator]: () => reader })
    assert.ok(Buffer.concat([first, others]).equals(body))
    assert.ok((await buffer(blob.bytes())).equals(body))
    spool.close()
  })

  test('refuses other bytes, and fewer, once somebody has read some', async (context) => {
    const spool = await context.spool()
    await spool.write(half)
    await take(spool.arriving()[Symbol.asyncIterator]())
    await spool.rewind()
    const other = Buffer.from(half)
    other.writeUInt8(other.readUInt8(100) ^ 1, 100)
    assert.is(await spool.write(other), false)
    await spool.rewind()
    assert.is(await spool.write(half.subarray(0, 100)), true)
    assert.is(spool.end(), false)
    spool.close()
  })

  test('takes anything anew while nobody has read any of it', async (context) => {
    const spool = await context.spool()
    await spool.write(randomBytes(2 * body.length))
    await spool.rewind()
    assert.is(await spool.write(body), true)
    assert.is(spool.end(), true)
    assert.ok((await buffer(spool.finish(named).bytes())).equals(body))
    spool.close()
  })
})
