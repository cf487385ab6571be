import { chmodSync, mkdirSync, statSync } from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { openSpool } from '../../src/archives/spool.ts'
import { prepareStaging } from '../../src/archives/staging.ts'
import { withStaged } from '../../src/private/publish/stage.ts'
import { describe } from '../support/suite.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'

async function open() {
  const directory = temporaryDirectory('staging')
  const umask = process.umask(0)
  return {
    stagingDirectory: path.join(directory, 'data', 'staging'),
    close: async () => {
      process.umask(umask)
      removeDirectory(directory)
    },
  }
}

const modeOf = (file: string): number => statSync(file).mode & 0o777

describe('what is staged, whatever the umask', open, (test) => {
  test('is in a directory of our own', async ({ stagingDirectory }) => {
    await prepareStaging(stagingDirectory, 0)
    assert.is(modeOf(stagingDirectory), 0o700)
  })

  test('is so in a directory that was open to all', async ({ stagingDirectory }) => {
    mkdirSync(stagingDirectory, { recursive: true })
    chmodSync(stagingDirectory, 0o755)
    await prepareStaging(stagingDirectory, 0)
    assert.is(modeOf(stagingDirectory), 0o700)
  })

  test('can be read by nobody else: neither downloads nor uploads', async ({
    stagingDirectory,
  }) => {
    await prepareStaging(stagingDirectory, 0)
    const download = path.join(stagingDirectory, 'download')
    const spool = await openSpool(download)
    assert.is(modeOf(download), 0o600)
    spool.close()
    async function* bytes(): AsyncGenerator<Buffer> {
      yield Buffer.from('secret')
    }
    const options = { stagingDirectory, hasRoomOnDisk: async () => true }
    await withStaged({ bytes: bytes(), sizeBytes: 6 }, options, async (staged) => {
      assert.is(modeOf(staged.path), 0o600)
    })
  })
})
