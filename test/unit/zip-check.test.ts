import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { inspectArchive } from '../../src/archives/check.ts'
import { describe } from '../support/suite.ts'
import { tar } from '../support/tar.ts'
import { zip } from '../support/zip.ts'

async function open() {
  const directory = await mkdtemp(path.join(tmpdir(), 'almanac-zip-'))
  return {
    problemOf: async (body: Buffer, distType = 'zip') => {
      const file = path.join(directory, 'archive')
      await writeFile(file, body)
      const inspected = await inspectArchive(file, { distType, sizeBytes: body.length })
      return inspected.ok ? undefined : inspected.problem
    },
    close: async () => await rm(directory, { recursive: true }),
  }
}

describe('the check of a download', open, (test) => {
  const entries = [{ path: 'acme-log/composer.json', content: Buffer.from('{}') }]

  test('takes whole zips: packed, with a comment, and empty', async ({ problemOf }) => {
    assert.is(await problemOf(zip(entries)), undefined)
    assert.is(await problemOf(zip(entries, { comment: 'c'.repeat(65_535) })), undefined)
    assert.is(await problemOf(zip([])), undefined)
  })

  test('refuses a zip that was cut off anywhere', async ({ problemOf }) => {
    const whole = zip(entries)
    for (let length = 0; length < whole.length - 22; length++) {
      assert.type(await problemOf(whole.subarray(0, length)), 'string', `${length} bytes`)
    }
  })

  test('refuses what is no zip at all', async ({ problemOf }) => {
    assert.is(await problemOf(Buffer.from('<html>Please sign in</html>')), 'it is not a zip')
    assert.is(await problemOf(Buffer.alloc(0)), 'it is not a zip')
  })

  test('looks at the beginning of other types, and wants there to be one', async ({
    problemOf,
  }) => {
    assert.is(await problemOf(tar(entries), 'tar'), undefined)
    assert.is(await problemOf(Buffer.from('<html>'), 'tar'), 'it is not a tar')
    assert.is(await problemOf(Buffer.alloc(0), 'xz'), 'it is not a xz')
    assert.is(await problemOf(Buffer.alloc(0), 'file'), undefined)
  })
})
