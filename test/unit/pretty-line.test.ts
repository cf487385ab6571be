import { stripVTControlCharacters } from 'node:util'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { createLogger } from '../../src/logger.ts'
import { coloured, plain, prettyLine } from '../../src/terminal/pretty-line.ts'
import { describe } from '../support/suite.ts'

fc.configureGlobal({ seed: 20_261_128 })

const time = Date.UTC(2026, 10, 28, 7, 8, 53, 123)
const base = { level: 30, time, pid: 1, hostname: 'vm' }

const pretty = (entry: object, paint = plain): string =>
  prettyLine(JSON.stringify({ ...base, ...entry }), paint)

/** Whatever a terminal would act on, but for the end of a line. */
const acting = /[\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]|(?!\n)\p{Cc}/u

const worst = [
  '\x1b]0;owned\x07',
  '\x1b[2J\x1b[1;1H',
  '\x9b31m',
  '\u202Eevil',
  'a\r\nb\u2028c\u2029d\x85e',
  '\x00\b\b\b\x7f',
  '\ud800',
]

describe(
  'a line of the log for a person',
  async () => ({}),
  (test) => {
    test('has time, level, what, package, how long it took, and then the rest', () => {
      const about = { package: 'acme/log', durationMs: 12.4, reason: 'timeout', tries: 3 }
      const line = pretty({ level: 40, msg: 'upstream gave no archive', ...about })
      assert.is(
        line,
        '07:08:53.123Z  warn   upstream gave no archive  acme/log  12 ms  reason=timeout tries=3\n',
      )
    })

    test('says of a request what was asked and what came of it', () => {
      const asked = { method: 'GET', host: 'repo.example', path: '/p2/acme/log.json', status: 200 }
      assert.is(
        pretty({ msg: 'upstream request', ...asked, durationMs: 5, requestId: 'a b' }),
        '07:08:53.123Z  info   upstream request  GET repo.example/p2/acme/log.json 200  5 ms  requestId="a b"\n',
      )
    })

    test('drops none of the fields that have a place in other lines only', () => {
      const line = pretty({ msg: 'x', host: 'a.test', path: '/var/lib', status: 'odd' })
      assert.is(line, '07:08:53.123Z  info   x  host=a.test path=/var/lib status=odd\n')
    })

    test('has the stack of an error below, and those of its causes', () => {
      const lines: string[] = []
      const logger = createLogger('info', { write: (line) => void lines.push(line) })
      const cause = new Error('no route')
      logger.error({ err: new Error('not sent', { cause }) }, 'failed')
      const shown = prettyLine(lines.join(''), plain).split('\n')
      assert.match(shown[0] ?? '', /Z {2}error {2}failed$/)
      assert.is(shown[1], '    Error: not sent')
      assert.match(shown[2] ?? '', /^ {5}at /)
      assert.ok(shown.includes('    caused by Error: no route'))
    })

    test('has colours when asked to, and is the same without them', () => {
      const entry = { level: 50, msg: 'm', package: 'acme/log', durationMs: 1, a: 'b', err: 'c' }
      assert.match(pretty(entry, coloured), '\x1b[31merror\x1b[0m')
      assert.is(stripVTControlCharacters(pretty(entry, coloured)), pretty(entry))
      assert.not.match(pretty(entry), '\x1b')
    })

    for (const text of worst) {
      test(`lets ${JSON.stringify(text)} do nothing to the terminal, wherever it comes from`, () => {
        const nested = { [text]: [text, { [text]: text }] }
        const err = { type: text, message: text, stack: `${text}\n${text}`, cause: nested }
        for (const entry of [
          { msg: text, method: text, host: text, path: text, status: text },
          { msg: 'm', package: text, document: text, [text]: text, nested, err },
          { msg: nested, method: nested, err: text, level: text, time: text },
        ]) {
          assert.not.match(pretty(entry), acting)
          assert.not.match(stripVTControlCharacters(pretty(entry, coloured)), acting)
        }
        assert.not.match(prettyLine(text, plain), acting)
      })
    }

    test('is never endless', () => {
      const long = 'x'.repeat(1_000_000)
      const many = Object.fromEntries(
        Array.from({ length: 9_999 }, (_, key) => [`${key}`, 'x'.repeat(999)]),
      )
      let err: object = { stack: `${long}\n`.repeat(50) }
      for (let depth = 0; depth < 50; depth++) err = { stack: 'x\n'.repeat(9_999), cause: err }
      const line = pretty({ ...many, msg: long, path: long, method: long, package: long, err })
      assert.ok(line.length < 20_000, `${line.length} characters`)
      assert.match(line, /and 9\d+ more\n/)
      assert.ok(prettyLine(long, plain).length < 2_000)
    })

    test('is made of any JSON, and of what is none', () => {
      const entry = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.jsonValue().map(String))
      const logged = fc.dictionary(fc.string(), fc.jsonValue()).map((fields) => {
        return JSON.stringify({ ...base, ...fields })
      })
      fc.assert(
        fc.property(fc.oneof(entry, logged), (line) => {
          const shown = prettyLine(line, plain)
          assert.not.match(shown, acting)
          assert.ok(shown.endsWith('\n'))
        }),
        { numRuns: 2_000 },
      )
    })
  },
)
