import { randomBytes } from 'node:crypto'
import * as assert from 'uvu/assert'
import type { BlobStore } from '../../src/archives/blobs.ts'
import type { Sha256 } from '../../src/events/types.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { bytesOf, putBlob, readBlob } from '../support/blobs.ts'
import { describe, rejection } from '../support/suite.ts'

const mebibyte = 1024 * 1024

/** What every adapter of the blob store promises. `corrupt` changes a byte behind its back. */
export function blobStoreContract(
  name: string,
  open: () => Promise<{
    readonly blobs: BlobStore
    readonly corrupt: (sha256: Sha256) => Promise<void>
    close(): Promise<void>
  }>,
): void {
  describe(`blob store contract: ${name}`, open, (test) => {
    for (const sizeBytes of [
      0,
      1,
      256 * 1024,
      256 * 1024 + 1,
      mebibyte - 13,
      mebibyte,
      3_000_000,
    ]) {
      test(`${sizeBytes} bytes come back as they were`, async ({ blobs }) => {
        const body = randomBytes(sizeBytes)
        const sha256 = await putBlob(blobs, body)
        assert.is((await blobs.find(sha256))?.sizeBytes, sizeBytes)
        assert.ok((await readBlob(blobs, sha256))?.equals(body))
      })
    }

    test('many readers at once each get what they asked for, also again', async ({ blobs }) => {
      const bodies = [10, 600_000, 900_000, 2_500_000].map((sizeBytes) => randomBytes(sizeBytes))
      for (const body of bodies) await putBlob(blobs, body)
      const readers = [...bodies, ...bodies, ...bodies].map(async (body) => {
        const blob = await blobs.find(sha256Of(body))
        for (const _ of ['first', 'again']) {
          assert.ok(blob !== undefined && (await bytesOf(blob)).equals(body))
        }
      })
      await Promise.all(readers)
    })

    test('a part comes as it was, of any blob, also again', async ({ blobs }) => {
      const body = randomBytes(5_000_000)
      for (const whole of [body.subarray(0, 10), body.subarray(0, 1_000_000), body]) {
        const blob = await blobs.find(await putBlob(blobs, whole))
        const end = whole.length
        for (const [from, to] of [
          [0, 1],
          [0, end],
          [end - 1, end],
          [3, 7],
          [5, end - 2],
        ] as const) {
          const part = blob && (await bytesOf(blob, { from, to }))
          assert.ok(part?.equals(whole.subarray(from, to)), `${from} to ${to} of ${end}`)
        }
      }
    })

    test('what was never put is not there', async ({ blobs }) => {
      assert.is(await blobs.find(sha256Of(Buffer.from('never'))), undefined)
    })

    test('the same bytes may be put again, and at the same time', async ({ blobs }) => {
      const body = randomBytes(100_000)
      await Promise.all([1, 2, 3, 4].map(async () => await putBlob(blobs, body)))
      await putBlob(blobs, body)
      assert.ok((await readBlob(blobs, sha256Of(body)))?.equals(body))
    })

    test('bytes that hash to something else are refused, and leave nothing', async ({ blobs }) => {
      const claimed = sha256Of(Buffer.from('claimed'))
      assert.match(
        String(await rejection(putBlob(blobs, Buffer.from('other'), claimed))),
        /differently/,
      )
      assert.is(await blobs.find(claimed), undefined)
    })

    test('a reader of a changed blob never gets to its end', async ({ blobs, corrupt }) => {
      const sha256 = await putBlob(blobs, randomBytes(1_500_000))
      await corrupt(sha256)
      const blob = await blobs.find(sha256)
      if (blob === undefined) throw new Error('the blob is gone')
      let got = 0
      const reading = (async () => {
        for await (const chunk of blob.bytes()) got += chunk.length
      })()
      assert.match(String(await rejection(reading)), /corrupt/)
      assert.ok(got < blob.sizeBytes, 'its last bytes were held back')
      assert.is(await blobs.find(sha256), undefined, 'and it is not offered again')
    })
  })
}
