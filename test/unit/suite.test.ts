import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { startProcess } from '../support/processes.ts'
import { describe, eventually, rejection } from '../support/suite.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const project = path.join(import.meta.dirname, '../..')
const suiteModule = pathToFileURL(path.join(project, 'test/support/suite.ts')).href
const uvuModule = pathToFileURL(path.join(project, 'node_modules/uvu/dist/index.mjs')).href
const longModule = pathToFileURL(path.join(project, 'test/support/long.ts')).href
const imports = `import { describe, skipSuite } from '${suiteModule}'\n`

/** Small test files, each with one thing about it. */
const fixtures = {
  'good/passes': `
    describe('passes', async () => ({ two: 2 }), (test) => {
      test('adds', ({ two }) => { if (two + two !== 4) throw new Error() })
      test('adds again', () => {})
      test.skip('subtracts', () => {})
    })`,
  'good/skips': `skipSuite('needs a printer', 'no printer here')`,
  'more/has-no-more': `
    describe('has no more', async () => ({}), (test) => test('one', () => {}))`,
  'more/tries-often': `
    import { times } from '${longModule}'
    describe('tries often', async () => ({}), (test) => {
      for (let time = 0; time < times(2, 5); time++) test('one', () => {})
    })`,
  'bad/opens-in-vain': `
    describe('opens in vain', async () => { throw new Error('no database') }, (test) => {
      test('one', () => {})
      test('two', () => {})
    })`,
  'bad/closes-in-vain': `
    describe('x', async () => ({ close: async () => { throw new Error('stuck') } }), (test) => {
      test('one', () => {})
    })`,
  'bad/forgets-run': `
    import { suite } from '${uvuModule}'
    suite('forgets to run')('one', () => {})`,
  'bad/throws-no-error': `
    describe('throws no error', async () => ({}), (test) => {
      test('one', () => { throw 'a word' })
      test('two', () => {})
    })`,
  'bad/throws-at-once': `throw new Error('a bad import')`,
  'bad/leaves-a-process': `
    import { spawn } from 'node:child_process'
    describe('leaves a process', async () => ({}), (test) => {
      test('one', () => {
        const wait = 'setInterval(() => {}, 1000)'
        spawn(process.execPath, ['-e', wait], { detached: true, stdio: 'ignore' }).unref()
      })
    })`,
  'bad/leaves-a-server': `
    import { createServer } from 'node:net'
    describe('leaves a server', async () => ({}), (test) => {
      test('one', () => { createServer().listen(0, '127.0.0.1') })
    })`,
  'hanging/hangs': `
    describe('hangs', async () => ({}), (test) => {
      test('one', () => {})
      test('never ends', () => new Promise(() => setInterval(() => {}, 1000)))
    })`,
}

describe(
  'the runner',
  async () => {
    const root = temporaryDirectory('runner')
    writeFileSync(path.join(root, 'package.json'), '{"type":"module"}')
    for (const [name, code] of Object.entries(fixtures)) {
      const file = path.join(root, path.dirname(name), 'unit', `${path.basename(name)}.test.ts`)
      mkdirSync(path.dirname(file), { recursive: true })
      writeFileSync(file, imports + code)
    }
    const [good, bad, hanging, none, few, more] = await Promise.all([
      runTests(path.join(root, 'good')),
      runTests(path.join(root, 'bad'), '--jobs', '3'),
      runTests(path.join(root, 'hanging'), '--limit-seconds', '3'),
      runTests(path.join(root, 'good'), 'no-such-file'),
      runTests(path.join(root, 'more')),
      runTests(path.join(root, 'more'), '--long'),
    ])
    return { good, bad, hanging, none, few, more }
  },
  (test) => {
    test('adds up what passed and what was skipped, and says that last', ({ good }) => {
      assert.match(good.output, /^ok {3}unit\/passes\.test\.ts: 2 passed, 0 failed, 1 skipped/m)
      assert.match(good.output, /^ok {3}unit\/skips\.test\.ts: 0 passed, 0 failed, 1 skipped/m)
      assert.match(good.output, /^SKIPPED needs a printer: no printer here$/m)
      assert.match(good.output, /^SKIPPED passes, subtracts: test\.skip$/m)
      assert.match(good.output, /\n2 passed, 0 failed, 2 skipped\n$/)
      assert.is(good.code, 0)
    })

    test('counts the files, and says why one is skipped', ({ good }) => {
      assert.match(good.output, / ms \(1 of 2\)\n[^]* ms \(2 of 2\)\n/)
      assert.match(good.output, /^ok .*\n {5}SKIPPED needs a printer: no printer here$/m)
    })

    test('does what takes long when it is told to, and nothing else then', ({ few, more }) => {
      assert.match(few.output, /\n3 passed, 0 failed, 0 skipped\n$/)
      assert.match(more.output, /^ok {3}unit\/tries-often\.test\.ts: .* \(1 of 1\)$/m)
      assert.match(more.output, /\n5 passed, 0 failed, 0 skipped\n$/)
    })

    test('fails every test of a suite that could not be opened, and shows why', ({ bad }) => {
      assert.match(bad.output, /^FAIL unit\/opens-in-vain\.test\.ts: 0 passed, 2 failed/m)
      assert.match(bad.output, /no database/)
    })

    test('fails a file whose suite can not be closed', ({ bad }) => {
      assert.match(bad.output, /^FAIL unit\/closes-in-vain\.test\.ts: 0 passed, 1 failed/m)
      assert.match(bad.output, /stuck/)
    })

    test('fails a file that ran no test', ({ bad }) => {
      assert.match(bad.output, /^FAIL unit\/forgets-run\.test\.ts: .*\n {5}ran no test$/m)
    })

    test('fails a test that throws no Error, and runs the next', ({ bad }) => {
      assert.match(bad.output, /^FAIL unit\/throws-no-error\.test\.ts: 1 passed, 1 failed/m)
      assert.match(bad.output, /thrown: 'a word'/)
    })

    test('fails a file that throws before its tests', ({ bad }) => {
      const problems = / {5}ran no test\n {5}exit code 1\n/
      assert.match(bad.output, /^FAIL unit\/throws-at-once\.test\.ts: 0 passed, 1 failed/m)
      assert.match(bad.output, problems)
    })

    // Elsewhere such a process can't be told from others.
    if (process.platform === 'linux') {
      test('fails a file that leaves a process, and ends that', ({ bad }) => {
        const line =
          /^FAIL unit\/leaves-a-process\.test\.ts: .*\n {5}left processes running: \S*node/m
        assert.match(bad.output, line)
      })
    }

    test('ends and fails a file that leaves something open', ({ bad }) => {
      assert.match(bad.output, /^FAIL unit\/leaves-a-server\.test\.ts: 1 passed, 1 failed/m)
      assert.match(bad.output, /^still open \d+ ms after the last test: .*TCPServerWrap/m)
    })

    test('ends a file that hangs, and says in which test', ({ hanging }) => {
      assert.match(hanging.output, /^ {5}hung: over its limit of \d+ s$/m)
      assert.match(hanging.output, /^ended while running: hangs: never ends$/m)
      assert.match(hanging.output, /\n0 passed, 1 failed, 0 skipped\n$/)
      assert.is(hanging.code, 1)
    })

    test('fails when anything failed, and when nothing was run', ({ bad, none }) => {
      assert.is(bad.code, 1)
      assert.match(none.output, /^0 passed, 0 failed, 0 skipped\n$/)
      assert.is(none.code, 1)
    })
  },
)

describe(
  'waiting',
  async () => ({}),
  (test) => {
    test('asks until the answer is truthy, and returns it', async () => {
      let asked = 0
      const answer = await eventually('it was asked three times', () => {
        asked += 1
        if (asked === 1) throw new Error('not yet')
        return asked === 3 && 'three'
      })
      assert.is(answer, 'three')
    })

    test('gives up with a sentence, and tells what was last in the way', async () => {
      const error = await rejection(
        eventually('the sea is dry', () => assert.is(1, 2), { timeoutMs: 1 }),
      )
      assert.instance(error, Error)
      assert.match(String(error), /after \d+ ms it is still not so that the sea is dry/)
      assert.instance((error as Error).cause, assert.Assertion)
    })

    test('is told when a promise that should reject does not', async () => {
      assert.match(String(await rejection(rejection(Promise.resolve()))), 'expected a rejection')
    })
  },
)

async function runTests(
  root: string,
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly output: string }> {
  const runner = path.join(project, 'test/run.ts')
  const started = startProcess(
    process.execPath,
    ['--import', 'tsx', runner, '--root', root, ...args],
    { directory: project, env: process.env },
  )
  const { code } = await started.exited
  await started.closed
  return { code, output: started.output() }
}
