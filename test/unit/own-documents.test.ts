import * as assert from 'uvu/assert'
import { anonymous, type Principal } from '../../src/access/principal.ts'
import { documentName, PackageName } from '../../src/composer/names.ts'
import { AppError } from '../../src/errors.ts'
import { Sha256 } from '../../src/events/types.ts'
import type { Overlay, ServedDocument } from '../../src/metadata/overlay.ts'
import { withOwnDocuments } from '../../src/private/serve/own-documents.ts'
import { describe, rejection } from '../support/suite.ts'

const packageName = PackageName.parse('acme/log')
const document = documentName(packageName, 'tags')

/** @param reserved whether it is, each time that this is asked; from then on as the last time. */
function world(...reserved: readonly boolean[]) {
  const asked: string[] = []
  const from = (name: string): Overlay => {
    const served: ServedDocument = {
      body: { sha256: Sha256.parse('a'.repeat(64)), reconstructed: undefined },
      lastModified: undefined,
      datedFrom: undefined,
      staleSeconds: undefined,
      asOf: undefined,
    }
    const answer = async () => {
      asked.push(name)
      return served
    }
    return { now: answer, asOf: answer }
  }
  let looks = 0
  const overlay = withOwnDocuments(from('upstream'), {
    own: from('own'),
    isReserved: async () => reserved[Math.min(looks++, reserved.length - 1)] === true,
  })
  const ask = async (principal: Principal) => {
    const client = { key: 'address 192.0.2.1', hasToken: false }
    return await overlay.now({ document, packageName, principal, client })
  }
  return { ask, asked }
}

const grants = [{ scope: 'read' as const, vendors: ['acme'] }]
const reader: Principal = { kind: 'token', id: 'one', name: 'one', grants }

describe(
  'a document of a package that may be ours',
  async () => ({}),
  (test) => {
    test('is ours when it is reserved, and upstream’s when it is not', async () => {
      const own = world(true)
      await own.ask(reader)
      assert.equal(own.asked, ['own'])
      const upstreams = world(false)
      await upstreams.ask(anonymous)
      assert.equal(upstreams.asked, ['upstream'])
    })

    test('is none when the vendor was claimed after it was seen who asks', async () => {
      const claimed = world(true)
      const error = await rejection(claimed.ask(anonymous))
      assert.instance(error, AppError)
      assert.match(String(error), 'acme was claimed a moment ago; try again shortly')
      assert.equal(claimed.asked, [])
    })

    test('is none when the vendor was claimed while upstream was asked', async () => {
      const late = world(false, true)
      const error = await rejection(late.ask(reader))
      assert.match(String(error), 'acme was claimed a moment ago; try again shortly')
    })
  },
)
