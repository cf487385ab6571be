import { monitorEventLoopDelay } from 'node:perf_hooks'
import * as assert from 'uvu/assert'
import { DocumentUnreadable } from '../../src/composer/document.ts'
import { DocumentName, PackageName } from '../../src/composer/names.ts'
import { createDigestion } from '../../src/digestion/digestion.ts'
import { createThreads, type ThreadLimits } from '../../src/digestion/threads.ts'
import { inspectBody } from '../../src/metadata/inspect.ts'
import { patientMs } from '../support/slowness.ts'
import { describe, rejection } from '../support/suite.ts'

const document = DocumentName.parse('acme/lib')
const packageName = PackageName.parse(document)
const limits: ThreadLimits = { memoryMegabytesMax: 128, cpuMsMax: 30_000 }

function documentOf(versions: readonly object[]): Buffer {
  const minified = 'composer/2.0'
  return Buffer.from(JSON.stringify({ minified, packages: { [document]: versions } }))
}

/** Versions that inherit as many keys. */
function inheriting(count: number, first: object): Buffer {
  const others = Array.from({ length: count - 1 }, (_, patch) => ({ version: `1.0.${patch + 1}` }))
  return documentOf([{ name: document, version: '1.0.0', ...first }, ...others])
}

function manyKeys(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, key) => [`vendor/key${key}`, '^1']))
}

const small = inheriting(3, {})
const large = inheriting(2_000, {
  require: manyKeys(5_000),
  dist: { type: 'zip', url: 'https://dist.test/a.zip', reference: 'a'.repeat(40) },
})

const texts = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => text(index))

/** What takes longest of all that is counted: constraints that are read once each. */
const longLinks = documentOf(
  texts(240, (version) => `1.0.${version}`).map((version) => {
    const constraint = texts(3_000, (n) => `>${version}.${n},<9`)
      .join('|')
      .slice(0, 32_000)
    return { name: document, version, require: { 'acme/log': constraint.replace(/\|[^|]*$/, '') } }
  }),
)

const longFilter = Buffer.from(
  JSON.stringify({
    packages: { [document]: [{ name: document, version: '1.0.0' }] },
    filter: {
      malware: texts(600, (n) => `=1.${n}|${'2.0|'.repeat(3_100)}3`).map((constraint) => ({
        package: document,
        constraint,
      })),
    },
  }),
)

async function open() {
  let given = 0
  const threads = createThreads(limits)
  const digestion = createDigestion({
    ...threads,
    async run(work) {
      given += 1
      return await threads.run(work)
    },
  })
  return { ...digestion, given: () => given }
}

describe('the digestion of bodies', open, (test) => {
  test('has small ones here and large ones in a thread, and comes to the same', async (world) => {
    const { digest, given } = world
    const before = given()
    assert.equal(await digest('inspect', small, document), inspectBody(document, small))
    assert.is(given(), before)
    assert.equal(await digest('inspect', large, document), inspectBody(document, large))
    assert.is(given(), before + 1)
    const rewritten = { packageName, publicUrl: 'https://proxy.test' }
    const rendered = await digest('render', large, { rewritten })
    assert.instance(rendered, Buffer)
    const { references } = await digest('references', rendered, packageName)
    assert.is(references.length, 2_000)
  })

  test('gives what is small but becomes large to a thread, and so what has many rules', async (world) => {
    const { digest, given } = world
    const before = given()
    const expanding = inheriting(300, manyKeys(500))
    assert.ok(expanding.length < 64 * 1024)
    assert.is((await digest('inspect', expanding, document)).ok, true)
    assert.is(given(), before + 1)
    const constraint = Array.from({ length: 300 }, (_, patch) => `1.0.${patch * 7}`).join('|')
    const rules = [{ list: 'malware', constraint, reason: null } as const]
    const many = inheriting(1_000, {})
    await digest('render', many, {
      ruled: { packageName, rules: [], otherLists: undefined },
    })
    assert.is(given(), before + 1)
    await digest('render', many, {
      ruled: { packageName, rules, otherLists: undefined },
    })
    assert.is(given(), before + 2)
  })

  test('gives what has many alternatives to a thread, however few keys it has', async (world) => {
    const { digest, given } = world
    for (const alternative of ['|1', '|~1', ',>1', String.raw`\u007c1`]) {
      const before = given()
      const text = inheriting(1, { require: { php: '1#' } }).toString()
      const body = Buffer.from(text.replace('1#', `1${alternative.repeat(4_500)}`))
      assert.ok(body.length < 64 * 1024)
      assert.is((await digest('inspect', body, document)).ok, true)
      assert.is(given(), before + 1, alternative)
    }
  })

  test('says of what a former release kept and today is past a limit that it is', async ({
    digest,
  }) => {
    const past = inheriting(5_001, manyKeys(20_000))
    const error = await rejection(
      digest('render', past, { servable: { packageName, standsInForNone: [] } }),
    )
    assert.instance(error, DocumentUnreadable)
    assert.match(String(error), 'more than 250000 keys when complete: 100')
  })

  test('takes the longest texts that bodies may have, one after the other', async ({ digest }) => {
    const delay = monitorEventLoopDelay({ resolution: 10 })
    delay.enable()
    for (const [body, count] of [
      [longLinks, 240],
      [longFilter, 1],
    ] as const) {
      assert.ok(body.length > 7_000_000 && body.length <= 8 * 1024 * 1024)
      const before = process.cpuUsage()
      const inspected = await digest('inspect', body, document)
      const { user, system } = process.cpuUsage(before)
      assert.ok(inspected.ok && inspected.versions.size === count)
      assert.ok((user + system) / 1e6 < 15, `${(user + system) / 1e6} s of CPU time`)
    }
    delay.disable()
    const stallMs = delay.max / 1e6
    assert.ok(stallMs < 1_000, `${stallMs} ms`)
  })

  test('leaves the loop to others meanwhile', async ({ digest }) => {
    const wide = inheriting(5_001, manyKeys(20_000))
    const long = inheriting(9_000, manyKeys(25))
    const delay = monitorEventLoopDelay({ resolution: 10 })
    delay.enable()
    await Promise.all([
      digest('inspect', large, document),
      digest('inspect', wide, document),
      digest('inspect', long, document),
    ])
    delay.disable()
    const stallMs = delay.max / 1e6
    assert.ok(stallMs < patientMs(1_000), `${stallMs} ms`)
  })

  test('refuses what takes more memory or CPU time than a thread may, and goes on', async () => {
    const work = { name: 'inspect', body: large, options: document } as const
    for (const [tight, problem] of [
      [{ ...limits, memoryMegabytesMax: 10 }, 'more than 10 MB of memory'],
      [{ ...limits, cpuMsMax: 10 }, 'more than 0.01 s of CPU time'],
    ] as const) {
      const threads = createThreads(tight)
      for (let time = 0; time < 3; time++) {
        const error = await rejection(threads.run(work))
        assert.instance(error, DocumentUnreadable)
        assert.match(String(error), problem)
      }
      await threads.close()
    }
    const threads = createThreads(limits)
    assert.is((await threads.run(work)).ok, true)
    const underWay = rejection(threads.run(work))
    await threads.close()
    assert.not.instance(await underWay, DocumentUnreadable)
  })
})
