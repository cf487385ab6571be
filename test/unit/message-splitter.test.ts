import * as assert from 'uvu/assert'
import { createMessageSplitter } from '../../src/database/message-splitter.ts'
import { describe } from '../support/suite.ts'

function message(type: string, body: Buffer = Buffer.alloc(0)): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([Buffer.from(type), length, body])
}

function row(...columns: readonly (Buffer | null)[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeUInt16BE(columns.length)
  const parts = columns.map((column) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(column?.length ?? -1)
    return Buffer.concat([length, column ?? Buffer.alloc(0)])
  })
  return message('D', Buffer.concat([count, ...parts]))
}

/** What a splitter makes of chunks. */
function split(chunks: readonly Buffer[]) {
  const bytes: Buffer[] = []
  const other: Buffer[] = []
  const seen = { prepared: 0, ready: 'not yet', lost: '' }
  const { take } = createMessageSplitter({
    bytes: (piece) => bytes.push(piece),
    other: (piece) => other.push(piece),
    prepared: () => (seen.prepared += 1),
    ready: (rest) => (seen.ready = rest.toString('latin1')),
    lost: ({ message: problem }) => (seen.lost += problem),
  })
  for (const chunk of chunks) take(chunk)
  const text = (pieces: Buffer[]) => Buffer.concat(pieces).toString('latin1')
  return { ...seen, bytes: text(bytes), other: text(other) }
}

const notice = message('N', Buffer.from('SNOTICE\0Mmind the gap\0\0'))
const conversation = Buffer.concat([
  message('1'),
  message('2'),
  row(Buffer.from('first ')),
  notice,
  row(null),
  row(Buffer.alloc(0), Buffer.from('other column')),
  row(Buffer.from('second'), null, Buffer.from('D\0\0\0\x05')),
  message('C', Buffer.from('SELECT 4\0')),
  message('Z', Buffer.from('I')),
])
const expected = {
  prepared: 1,
  ready: message('Z', Buffer.from('I')).toString('latin1'),
  lost: '',
  bytes: 'first second',
  other: Buffer.concat([message('1'), notice]).toString('latin1'),
}

describe(
  'the splitter of messages',
  async () => ({}),
  (test) => {
    test('takes the first column of rows, and passes on what pg has a use for', () => {
      assert.equal(split([conversation]), expected)
    })

    test('does not mind where the socket cuts, once or at every byte', () => {
      // The last message may be handed on in two parts, the second of them by whoever restored the socket.
      for (let cut = 1; cut < conversation.length - 1; cut++) {
        assert.equal(split([conversation.subarray(0, cut), conversation.subarray(cut)]), expected)
      }
      const bytes = Array.from(conversation.subarray(0, -1), (byte) => Buffer.from([byte]))
      assert.equal(split(bytes), { ...expected, ready: 'Z\0\0\0\x05' })
    })

    test('hands on what comes after the end as it is', () => {
      const after = Buffer.concat([conversation, notice, row(Buffer.from('of the next'))])
      assert.equal(split([after]), {
        ...expected,
        ready: after.subarray(conversation.length - 6).toString('latin1'),
      })
    })

    test('begins anew with what comes after that', () => {
      assert.equal(split([conversation, conversation]), {
        ...expected,
        prepared: 2,
        bytes: expected.bytes.repeat(2),
        other: expected.other.repeat(2),
      })
    })

    for (const [what, nonsense] of [
      ['an unknown type', message('?')],
      ['a length that cannot be', Buffer.from('C\0\0\0\x03')],
      ['a row longer than its message', Buffer.from('D\0\0\0\x0b\0\x01\0\0\0\x09x')],
      ['a row without columns', row()],
      ['a row with a negative length', Buffer.from('D\0\0\0\x0a\0\x01\xff\xff\xff\xfe', 'latin1')],
    ] as const) {
      test(`says that it lost its place, once, for ${what}`, () => {
        const { lost, bytes, ready } = split([nonsense, conversation])
        assert.is(lost, 'the server sent what is no message')
        assert.is(bytes, '')
        assert.is(ready, 'not yet')
      })
    }
  },
)
