import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { applySplice, splice } from '../../src/snapshots/splice.ts'
import { describe } from '../support/suite.ts'

const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array))
/** Bytes that share much, as successive documents do. */
const alike = fc.tuple(bytes, bytes, bytes, bytes)

describe(
  'splice',
  async () => ({}),
  (test) => {
    test('any bytes come back from any base', () => {
      fc.assert(
        fc.property(bytes, bytes, (base, next) => {
          assert.ok(applySplice(base, splice(base, next)).equals(next))
        }),
      )
    })

    test('keeps no more than the hunk that differs', () => {
      fc.assert(
        fc.property(alike, ([head, before, after, tail]) => {
          const base = Buffer.concat([head, before, tail])
          const next = Buffer.concat([head, after, tail])
          assert.ok(splice(base, next).middle.length <= after.length)
          assert.ok(applySplice(base, splice(base, next)).equals(next))
        }),
      )
    })

    test('the same bytes have no hunk, and ends that overlap are counted once', () => {
      const one = Buffer.from('aaaa')
      assert.is(splice(one, one).middle.length, 0)
      const [base, next] = [Buffer.from('aa'), Buffer.from('aaa')]
      assert.is(applySplice(base, splice(base, next)).toString(), 'aaa')
    })
  },
)
