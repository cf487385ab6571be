import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { inspectArchive, type Inspected } from '../../src/archives/check.ts'
import { describe } from '../support/suite.ts'
import { tar } from '../support/tar.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { zip } from '../support/zip.ts'

async function open() {
  const directory = temporaryDirectory('almanac-archive')
  return {
    inspect: async (body: Buffer, distType: string): Promise<Inspected> => {
      const file = path.join(directory, 'archive')
      await writeFile(file, body)
      return await inspectArchive(file, { distType, sizeBytes: body.length })
    },
    close: async () => removeDirectory(directory),
  }
}

describe('the check of a download', open, (test) => {
  const entries = [{ path: 'acme-log/composer.json', content: Buffer.from('{}') }]
  const nothing = Buffer.alloc(0)
  const unknownTree = { ok: true, treeSha256: undefined }

  test('reads zips whole', async ({ inspect }) => {
    const inspected = await inspect(zip(entries), 'zip')
    assert.ok(inspected.ok && inspected.treeSha256 !== undefined)
    assert.equal(await inspect(Buffer.from('<html>'), 'zip'), {
      ok: false,
      problem: 'it is not a zip',
    })
  })

  test('looks at the beginning of other types, and wants there to be one', async ({ inspect }) => {
    assert.equal(await inspect(tar(entries), 'tar'), unknownTree)
    assert.equal(await inspect(nothing, 'file'), unknownTree)
    assert.equal(await inspect(Buffer.from('<html>'), 'tar'), {
      ok: false,
      problem: 'it is not a tar',
    })
    assert.equal(await inspect(nothing, 'xz'), { ok: false, problem: 'it is not a xz' })
  })
})
