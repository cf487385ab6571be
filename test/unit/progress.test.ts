import { WriteStream } from 'node:tty'
import { stripVTControlCharacters } from 'node:util'
import * as assert from 'uvu/assert'
import { createLogger } from '../../src/logger.ts'
import { watchCatchingUp } from '../../src/projector/watch.ts'
import { createProgress } from '../../src/terminal/progress.ts'
import { createScreen } from '../../src/terminal/screen.ts'
import { describe, eventually } from '../support/suite.ts'

interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly TERM?: string
  readonly isPretty?: boolean
}

/** A progress on streams that only keep what is written to them. */
function openProgress({ isTTY = true, columns = 120, TERM = 'xterm', isPretty = true }: Terminal) {
  const written: string[] = []
  const write = (text: string | Uint8Array): boolean => written.push(String(text)) > 0
  const stderr = { write, isTTY, columns, hasColors: () => false }
  const screen = createScreen({ stderr, stdout: { write }, env: { TERM } })
  const logger = createLogger('info', screen.logStream)
  let atMs = 0
  const progress = createProgress({ screen, logger, isPretty, nowMs: () => atMs })
  return {
    screen,
    logger,
    progress,
    later: (ms: number) => (atMs += ms),
    written: () => written.splice(0).join(''),
    /** What somebody sees: lines that were cleared are gone. */
    seen: () =>
      written
        .join('')
        .split('\n')
        .map((line) => stripVTControlCharacters(line.split('\r\x1b[2K').at(-1) ?? '')),
  }
}

const step = { what: 'building read models', total: 200_000 }

describe(
  'progress',
  async () => ({}),
  (test) => {
    test('is a bar on a terminal, with what is left once that is known', () => {
      const { progress, later, seen } = openProgress({})
      progress.report({ ...step, done: 0 })
      assert.equal(seen(), [`building read models  [>${' '.repeat(23)}] 0 %  0 of 200,000`])
      later(10_000)
      progress.report({ ...step, done: 50_000 })
      assert.equal(seen(), [
        `building read models  [======>${' '.repeat(17)}] 25 %  50,000 of 200,000, about 30 s left`,
      ])
      later(190_000)
      progress.report({ ...step, done: 50_000 })
      assert.match(seen()[0] ?? '', 'about 10 min left')
      progress.report({ ...step, done: 200_000 })
      assert.equal(seen(), [''])
    })

    test('stays below what the log and the person are told', () => {
      const { progress, logger, screen, seen } = openProgress({})
      progress.report({ ...step, done: 1 })
      logger.info('one')
      screen.say('two\n')
      const [one = '', two, bar = ''] = seen()
      assert.match(one, /info {3}one$/)
      assert.is(two, 'two')
      assert.match(bar, /^building read models/)
      progress.close()
      assert.is(seen().at(-1), '')
      progress.report({ ...step, done: 2 })
      assert.is(seen().at(-1), '')
    })

    test('never takes more than a line', () => {
      const { progress, seen } = openProgress({ columns: 20 })
      progress.report({ ...step, done: 1 })
      assert.is(seen()[0]?.length, 19)
    })

    for (const [env, isColoured] of [
      [{ TERM: 'xterm' }, true],
      [{ TERM: 'xterm-256color', NO_COLOR: '' }, true],
      [{ TERM: 'xterm-256color', NO_COLOR: '1' }, false],
      [{ TERM: 'dumb' }, false],
    ] as const) {
      test(`${isColoured ? 'has' : 'lacks'} colours with ${JSON.stringify(env)}`, () => {
        const written: string[] = []
        const terminal = Object.create(WriteStream.prototype) as WriteStream // which has no file behind it
        const stderr = Object.assign(terminal, {
          write: (text: string | Uint8Array) => written.push(String(text)) > 0,
          isTTY: true,
        })
        createScreen({ stderr, stdout: stderr, env }).logStream.write('{"level":30,"msg":"m"}\n')
        assert.is(written.join('').includes('\x1b[32m'), isColoured)
      })
    }

    for (const [what, linesAtMs, quietAtMs] of [
      ['at once where nothing is written', [], 760],
      ['once nothing was written for a moment', [200, 900, 1_500], 2_260],
      ['after three seconds anyway', Array.from({ length: 99 }, (_, n) => n * 100), 3_000],
    ] as const) {
      test(`gives way to lines: the screen is quiet ${what}`, async () => {
        let atMs = 0
        const stderr = { write: () => true, isTTY: true }
        const left = [...linesAtMs]
        const wait = async (ms: number): Promise<void> => {
          atMs += ms
          while ((left[0] ?? Infinity) <= atMs) screen.logStream.write(`line ${left.shift()}`)
        }
        const clock = { nowMs: () => atMs, wait }
        const screen = createScreen({ stderr, stdout: stderr, env: {}, clock })
        await screen.quiet()
        assert.is(atMs, quietAtMs)
      })
    }

    for (const [what, terminal] of [
      ['in a file', { isTTY: false }],
      ['on a terminal that can move nothing', { TERM: 'dumb' }],
      ['where JSON was asked for', { isPretty: false }],
    ] as const) {
      test(`${what} is a line every ten seconds`, () => {
        const { progress, later, written } = openProgress(terminal)
        for (let done = 0; done < step.total; done += 2_000) {
          progress.report({ ...step, done })
          later(250)
        }
        progress.report({ ...step, done: step.total })
        const lines = written()
        assert.not.match(lines, '\x1b')
        assert.not.match(lines, '\r')
        const told = lines.trimEnd().split('\n')
        assert.is(told.length, 2)
        assert.match(told[0] ?? '', 'building read models  done=80000 total=200000 leftSeconds=15')
      })
    }

    test('of read models is of those that are behind', async () => {
      let position = 40n
      const of = (at: bigint, state: 'running' | 'stopped') => {
        return { name: 'x', version: 1, position: at, state, error: undefined }
      }
      const told: string[] = []
      const watched = {
        head: 100n,
        projector: {
          status: () => [of(position, 'running'), of(100n, 'running'), of(3n, 'stopped')],
        },
        onProgress: (done: number, total: number) => void told.push(`${done} of ${total}`),
      }
      const end = watchCatchingUp(watched)
      await eventually('it was told of', () => told.includes('0 of 60'))
      position = 70n
      await eventually('it came on', () => told.includes('30 of 60'))
      position = 120n
      await eventually('it was done', () => told.at(-1) === '60 of 60')
      end()
      assert.equal([...new Set(told)], ['0 of 60', '30 of 60', '60 of 60'])
      told.length = 0
      watchCatchingUp(watched)()
      assert.equal(told, [])
    })
  },
)
