import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { createIdentify } from '../../src/access/identify.ts'
import { isTokenText, newTokenText } from '../../src/access/token-text.ts'
import { tokenIn } from '../../src/http/credentials.ts'
import { authorization } from '../support/api.ts'
import { createClock } from '../support/clock.ts'
import { describe } from '../support/suite.ts'

/** As README.md gives it to scanners for secrets. */
const published = /almanac_[A-Za-z0-9_-]{43}[0-9a-f]{8}/

const random = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))
const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_'
const letter = fc.nat({ max: 63 }).map((n) => alphabet[n] ?? '')

describe(
  'the text of a token',
  async () => ({}),
  (test) => {
    test('has the form that is documented, and all of what is random in it', () => {
      fc.assert(
        fc.property(random, (bytes) => {
          const text = newTokenText(bytes)
          assert.is(published.exec(`token=${text}, …`)?.[0], text)
          assert.ok(isTokenText(text))
          assert.ok(Buffer.from(text.slice(8, 51), 'base64url').equals(bytes))
        }),
      )
      assert.is.not(newTokenText(), newTokenText())
    })

    test('with any one character replaced, left out or doubled is none', () => {
      const place = fc.nat({ max: 58 })
      fc.assert(
        fc.property(random, place, letter, (bytes, at, other) => {
          const text = newTokenText(bytes)
          const [before, after] = [text.slice(0, at), text.slice(at + 1)]
          if (other !== text[at]) assert.not(isTokenText(`${before}${other}${after}`))
          assert.not(isTokenText(`${before}${after}`))
          assert.not(isTokenText(`${before}${other}${text.slice(at)}`))
        }),
      )
    })

    test('with two characters changed over is none', () => {
      fc.assert(
        fc.property(random, fc.nat({ max: 57 }), (bytes, at) => {
          const text = newTokenText(bytes)
          const [one = '', other = ''] = [text[at], text[at + 1]]
          fc.pre(one !== other)
          assert.not(isTokenText(text.slice(0, at) + other + one + text.slice(at + 2)))
        }),
      )
    })

    test('comes whole out of either header, whatever the name of the user is', () => {
      const user = fc.string({ unit: 'binary' }).filter((text) => !text.includes(':'))
      fc.assert(
        fc.property(random, user, (bytes, name) => {
          const text = newTokenText(bytes)
          const basic = Buffer.from(`${name}:${text}`).toString('base64')
          assert.is(tokenIn({ authorization: `Basic ${basic}` }), text)
          assert.is(tokenIn({ authorization: authorization(text) }), text)
        }),
      )
    })

    test('is the only text that anybody is asked about', async () => {
      const asked: string[] = []
      const identify = createIdentify({
        async storedToken(sha256) {
          asked.push(sha256)
          return undefined
        },
        isAdminToken: async () => false,
        noteUse: () => undefined,
        now: createClock().now,
      })
      const token = newTokenText()
      const typo = `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`
      for (const text of [typo, token.slice(1), '', 'admin', `almanac_admin_${'a'.repeat(43)}`]) {
        await identify(text)
      }
      assert.equal(asked, [])
      await identify(token)
      assert.is(asked.length, 1)
      assert.not.match(asked.join(), token)
    })
  },
)
