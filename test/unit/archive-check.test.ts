import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import * as assert from 'uvu/assert'
import type { SealedType } from '../../src/archives/dist-types.ts'
import { inspectArchive, type Inspected } from '../../src/archives/check.ts'
import { describe } from '../support/suite.ts'
import { tar } from '../support/tar.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { zip } from '../support/zip.ts'

async function open() {
  const directory = temporaryDirectory('almanac-archive')
  return {
    inspect: async (
      body: Buffer,
      distType: string,
      uncheckedTypes: readonly SealedType[] = [],
    ): Promise<Inspected> => {
      const file = path.join(directory, 'archive')
      await writeFile(file, body)
      return await inspectArchive(file, { distType, sizeBytes: body.length, uncheckedTypes })
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

  test('reads tars whole, packed or not', async ({ inspect }) => {
    const [plain, packed] = [
      await inspect(tar(entries), 'tar'),
      await inspect(gzipSync(tar(entries)), 'tar'),
    ]
    assert.ok(plain.ok && plain.treeSha256 !== undefined)
    assert.equal(packed, plain)
    assert.equal(await inspect(zip(entries), 'zip'), plain, 'as the zip of the same files')
    assert.equal(await inspect(tar([]), 'tar'), { ok: false, problem: 'it is not a tar' })
  })

  test('reads a phar that is a zip or a tar', async ({ inspect }) => {
    const evil = [{ path: '../evil', content: 'evil' }]
    for (const pack of [zip, tar]) {
      assert.ok((await inspect(pack(entries), 'phar')).ok)
      assert.not((await inspect(pack(evil), 'phar')).ok)
    }
  })

  test('unpacks a file that is packed with gzip', async ({ inspect }) => {
    const packed = gzipSync('<?php')
    assert.equal(await inspect(packed, 'gzip'), unknownTree)
    assert.not((await inspect(packed.subarray(0, -1), 'gzip')).ok)
    assert.not((await inspect(Buffer.concat([packed, packed]), 'gzip')).ok)
    assert.equal(await inspect(gzipSync(Buffer.alloc(60_000_000)), 'gzip'), {
      ok: false,
      problem: 'it unpacks to more than 100 times its size',
    })
  })

  test('takes a file as it is', async ({ inspect }) => {
    assert.equal(await inspect(nothing, 'file'), unknownTree)
  })

  test('looks at the beginning of what it is told to let pass, and wants there to be one', async ({
    inspect,
  }) => {
    const sealed = [
      ['tar', 'BZh91AY', 'bzip2'],
      ['phar', '<?php __HALT_COMPILER();', 'phar'],
      ['rar', 'Rar!\x1a\x07\x01\0', 'rar'],
      ['xz', '\xfd7zXZ\0\0', 'xz'],
    ] as const
    for (const [distType, beginning, name] of sealed) {
      const bytes = Buffer.from(beginning, 'latin1')
      assert.equal(await inspect(bytes, distType), {
        ok: false,
        problem: `it can't be looked through, being ${name}; PROXY_UNCHECKED_TYPES may let it pass`,
      })
      assert.equal(await inspect(bytes, distType, [name]), unknownTree)
      assert.equal(await inspect(Buffer.from('<html>'), distType, [name]), {
        ok: false,
        problem: `it is not a ${distType}`,
      })
    }
    assert.equal(await inspect(nothing, 'xz', ['xz']), { ok: false, problem: 'it is not a xz' })
  })
})
