import * as assert from 'uvu/assert'
import { anonymous } from '../../src/access/principal.ts'
import type { Arriving, Found } from '../../src/archives/archive.ts'
import { heldBlob } from '../../src/archives/blobs.ts'
import { PackageName } from '../../src/composer/names.ts'
import { Sha256 } from '../../src/events/types.ts'
import { withOwnArchives } from '../../src/private/serve/own-archives.ts'
import { describe, rejection } from '../support/suite.ts'

const request = {
  packageName: PackageName.parse('acme/log'),
  versionToken: '1.0.0.0',
  referenceToken: 'abc',
  distType: 'zip',
}
const blob = heldBlob(Sha256.parse('a'.repeat(64)), Buffer.from('whole'))
const claimed = /acme was claimed a moment ago; try again shortly/

/** Upstream's archive of a package that is reserved once `claim` was called. */
function world(archive: Found | Arriving) {
  let isClaimed = false
  const claim = () => void (isClaimed = true)
  const open = (beforeAnswer: () => void) =>
    withOwnArchives(
      async () => {
        beforeAnswer()
        return archive
      },
      {
        own: async () => blob,
        isReserved: async () => isClaimed,
      },
    )(request, anonymous)
  return { open, claim }
}

describe(
  'an archive of upstream’s, of a vendor that is claimed meanwhile',
  async () => ({}),
  (test) => {
    test('is not given when it is found after that', async () => {
      let left = 0
      const { open, claim } = world({ ...blob, leave: () => void (left += 1) })
      assert.match(String(await rejection(open(claim))), claimed)
      assert.is(left, 1)
      const other = world(blob)
      assert.is(await other.open(() => undefined), blob)
    })

    test('is not given to its end when it is arriving', async () => {
      async function* bytes() {
        yield Buffer.from('one')
        yield Buffer.from('two')
      }
      const { open, claim } = world({ sizeBytes: 6, bytes, whole: Promise.resolve(blob) })
      const arriving = await open(() => undefined)
      assert.not('sha256' in arriving)
      const read = arriving.bytes()[Symbol.asyncIterator]()
      assert.is(String((await read.next()).value), 'one')
      claim()
      assert.match(String(await rejection(read.next())), claimed)
      const late = world({ sizeBytes: 6, bytes, whole: new Promise(() => undefined) })
      assert.match(String(await rejection(late.open(late.claim))), claimed)
    })

    test('is not given whole to who waits for that', async () => {
      let arrive: (whole: typeof blob) => void = () => undefined
      const whole = new Promise<typeof blob>((resolve) => (arrive = resolve))
      const { open, claim } = world({ sizeBytes: 6, bytes: () => blob.bytes(), whole })
      const arriving = await open(() => undefined)
      claim()
      arrive(blob)
      if (!('whole' in arriving) || arriving.whole === undefined) throw new Error('it is arriving')
      assert.match(String(await rejection(arriving.whole)), claimed)
    })
  },
)
