import * as assert from 'uvu/assert'
import { createAllowance } from '../../src/access/allowance.ts'
import { createAnswers } from '../../src/private/answers/answers.ts'
import { createDigestion } from '../../src/digestion/digestion.ts'
import { namesReservedBy } from '../../src/private/reserved.ts'
import { describe } from '../support/suite.ts'

describe(
  'a client that searches',
  async () => ({}),
  (test) => {
    test('has upstream asked so often, and not at all for what is ours', async () => {
      let asked = 0
      const answers = createAnswers({
        async ask() {
          asked += 1
          return undefined
        },
        advisoriesOfOthers: async () => ({
          byName: new Map(),
          notices: {},
          staleSeconds: undefined,
        }),
        hasUpstream: false,
        allowance: createAllowance({
          burst: 4,
          perSecond: 1,
          message: 'too often',
          nowMs: () => 0,
          wait: async () => undefined,
        }),
        listing: async () => [],
        reservedNames: async () => namesReservedBy(['acme']),
        searchUrl: 'https://packages.example.com/search.json',
        digest: createDigestion().digest,
      })
      const search = async (text: string, key: string) => {
        const asker = {
          client: { key, hasToken: false },
          principal: { kind: 'anonymous' },
          position: undefined,
        } as const
        return await answers.search(new URLSearchParams({ q: text }), asker)
      }
      for (let n = 0; n < 20; n++) await search('acme', 'one')
      assert.is(asked, 0)
      const many = await Promise.allSettled(
        Array.from({ length: 20 }, async () => await search('log', 'one')),
      )
      assert.is(asked, 9, 'as many as it has, and what comes in while it may wait')
      assert.is(many.filter(({ status }) => status === 'rejected').length, 11)
      await search('log', 'another')
      assert.is(asked, 10)
    })
  },
)
