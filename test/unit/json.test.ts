import { spawnSync } from 'node:child_process'
import * as assert from 'uvu/assert'
import { readJson, readJsonAsPhpDoes } from '../../src/composer/json.ts'
import { describe, skipSuite } from '../support/suite.ts'

const limits = { depthMax: 64, valuesMax: 1_000 }
const half = String.raw`\ud83d`

/** JSON, and whether PHP's `json_decode` can read it, into arrays and into objects. */
const table: readonly (readonly [string | Buffer, boolean])[] = [
  [`{"a":"${half}\\ude00"}`, true],
  [String.raw`{"a":"\uD83D\uDE00"}`, true],
  [String.raw`{"a":"\\ud83d"}`, true],
  [String.raw`{"a":"\u0000","b":"\uffff","c":"\/"}`, true],
  [String.raw`{"a\u0000b":1}`, true],
  ['{"":1,"__proto__":2,"1":3,"0":4,"a":1,"a":2}', true],
  ['{"a":123456789012345678901234567890,"b":1e999,"c":-0}', true],
  [`{"a":"${half}"}`, false],
  [`{"${half}":1}`, false],
  [`[[{"a":["${half}"]}]]`, false],
  [String.raw`{"a":"\ude00\ud83d"}`, false],
  [String.raw`{"a":"\\\ud83d"}`, false],
  [String.raw`{"\u0000a":1}`, false],
  [String.raw`[{"\u0000":1}]`, false],
  ['{"a":"\u0001"}', false],
  ['\uFEFF{}', false],
  ['\u00A0{}', false],
  ['{}\0', false],
  ['{"a":TRUE}', false],
  ['{"a":01}', false],
  [Buffer.from([0x22, 0xff, 0x22]), false],
  [Buffer.from([0x22, 0xc0, 0x80, 0x22]), false],
  [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), false],
]

describe(
  'JSON',
  async () => ({}),
  (test) => {
    test('is refused where PHP could not read it', () => {
      for (const [json, isRead] of table) {
        const { ok } = readJsonAsPhpDoes(Buffer.from(json), limits)
        assert.is(ok, isRead, json.toString())
      }
    })

    test('of which PHP could not read a part says which', () => {
      const json = readJson(Buffer.from(`{"good":[{"a":"b"}],"bad":["x","${half}"]}`), limits)
      assert.ok(json.ok)
      const { good, bad } = json.value as Record<string, unknown> // as written above
      assert.ok(json.isReadable(good))
      assert.not.ok(json.isReadable(bad))
    })
  },
)

const php = `foreach (json_decode(file_get_contents('php://stdin')) as $json) {
  $text = base64_decode($json);
  json_decode($text, true);
  $asArrays = json_last_error();
  json_decode($text);
  echo $asArrays === 0 && json_last_error() === 0 ? 'x' : '.';
}`

if (spawnSync('php', ['--version']).status !== 0) {
  skipSuite('JSON as PHP reads it', 'there is no php here')
} else {
  describe(
    'JSON as PHP reads it',
    async () => ({}),
    (test) => {
      test('is what the table says', () => {
        const input = JSON.stringify(table.map(([json]) => Buffer.from(json).toString('base64')))
        const { stdout } = spawnSync('php', ['-r', php], { input, encoding: 'utf8' })
        assert.is(stdout, table.map(([, isRead]) => (isRead ? 'x' : '.')).join(''))
      })
    },
  )
}
