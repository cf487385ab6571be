import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { openDatabase } from '../../src/database/client.ts'
import { sha256Of } from '../../src/snapshots/store.ts'
import { checkObjects, openBlobs, putBlob, readBlob } from '../support/blobs.ts'
import { openSmallDisk, type SmallDisk } from '../support/small-disk.ts'
import { describe, skipSuite } from '../support/suite.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const mebibyte = 1024 * 1024
const logger = pino({ level: 'silent' })
const disk = await openSmallDisk(64 * mebibyte).catch(String)

async function open(full: SmallDisk) {
  const { db, pool } = openDatabase({ connectionString: full.url, logger })
  return {
    ...full,
    db,
    ...(await openBlobs({ db, pool })),
    async close() {
      await db.destroy()
      await full.close()
    },
  }
}

function define(full: SmallDisk): void {
  describe(
    'a full disk below PostgreSQL',
    async () => await open(full),
    (test) => {
      test('keeps a blob from being kept, loses none, and is over when there is room', async (world) => {
        const { db, blobs, fill, clear } = world
        const body = randomBytes(10 * mebibyte)
        const sha256 = sha256Of(body)
        const file = path.join(temporaryDirectory('full-disk'), 'body')
        writeFileSync(file, body)
        const small = await putBlob(blobs, body.subarray(0, mebibyte))

        fill(2 * mebibyte)
        for (const _ of ['once', 'again']) assert.is(await blobs.put(file, sha256), 'full')
        assert.is(await blobs.find(sha256), undefined)
        await checkObjects(db)
        assert.is((await readBlob(blobs, small))?.length, mebibyte, 'what is there is read as ever')

        clear()
        assert.is(await blobs.put(file, sha256), 'kept')
        assert.ok((await readBlob(blobs, sha256))?.equals(body))
      })
    },
  )
}

if (typeof disk === 'string') skipSuite('a full disk below PostgreSQL', disk)
else define(disk)
