import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import * as assert from 'uvu/assert'
import { isLong } from '../support/long.ts'
import { patientMs } from '../support/slowness.ts'
import { describe } from '../support/suite.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { evilZips } from '../support/zips/evil.ts'
import type { Costs } from '../support/inspect-all.ts'
import { rawZip, stored, type RawEntry } from '../support/zips/raw.ts'
import { evilTars } from '../support/tars/evil.ts'
import { rawTar } from '../support/tars/raw.ts'

const root = path.join(import.meta.dirname, '../..')
const mebibyte = 1024 * 1024
const growthBytesMax = 64 * mebibyte
const turnMsMax = 50
const archiveMsMax = 2000

function files(count: number, entry: (index: number) => RawEntry): Buffer {
  const entries = Array.from({ length: count }, (_, index) => entry(index))
  return rawZip(entries, { end64: {} })
}

/** Like a package; what the others cost is counted from there. */
const ordinary = files(1000, (index) => ({
  name: `acme/src/File${index}.php`,
  content: randomBytes(2000).toString('hex'),
}))

const ordinaryTar = rawTar(
  Array.from({ length: 1000 }, (_, index) => ({
    name: `acme/src/File${index}.php`,
    content: randomBytes(2000).toString('hex'),
  })),
)

/** They take long to make: `npm run test:all` does. */
const large: readonly (readonly [string, () => Buffer])[] = [
  [
    '100,000 files, listed in no order',
    () =>
      files(100_000, (index) => ({
        name: `acme/${(index * 7919) % 100_000}/`.padEnd(110, 'd'),
        content: String(index),
      })),
  ],
  [
    'the longest paths',
    () => files(3900, (index) => ({ name: `acme/${index}/`.padEnd(4095, 'd/') + 'e' })),
  ],
  [
    'large files',
    () =>
      rawZip([
        { name: 'stored', content: randomBytes(32 * mebibyte), both: { method: stored } },
        { name: 'packed', content: randomBytes(32 * mebibyte), level: 1 },
        { name: 'zeros', content: Buffer.alloc(256 * mebibyte), level: 1 },
      ]),
  ],
]

/** As above. */
const largeTars: readonly (readonly [string, () => Buffer])[] = [
  [
    '100,000 files, in no order',
    () =>
      rawTar(
        Array.from({ length: 100_000 }, (_, index) => ({
          name: `acme/${(index * 7919) % 100_000}/`.padEnd(100, 'd'),
          content: String(index),
        })),
      ),
  ],
  [
    'large files, packed',
    () =>
      gzipSync(
        rawTar([
          { name: 'random', content: randomBytes(64 * mebibyte) },
          { name: 'zeros', content: Buffer.alloc(256 * mebibyte) },
        ]),
        { level: 1 },
      ),
  ],
]

async function open() {
  const directory = temporaryDirectory('almanac-zips')
  let runs = 0
  return {
    /** In a process of its own, which has nothing else in its memory. */
    costsOf: async (archives: readonly (() => Buffer)[], distType = 'zip'): Promise<Costs> => {
      runs += 1
      const inspected = path.join(directory, String(runs))
      mkdirSync(inspected)
      const first = distType === 'zip' ? ordinary : ordinaryTar
      for (const [index, bytes] of [() => first, ...archives].entries()) {
        const name = `${String(index).padStart(3, '0')}.${distType}`
        writeFileSync(path.join(inspected, name), bytes())
      }
      const args = ['--import', 'tsx', 'test/support/inspect-all.ts', inspected]
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root })
      const costs = JSON.parse(stdout) as Costs
      assert.is(costs.inspected, archives.length + 1)
      assert.ok(costs.growthBytes < growthBytesMax, JSON.stringify(costs))
      assert.ok(costs.turnMs < patientMs(turnMsMax), JSON.stringify(costs))
      return costs
    },
    close: async () => removeDirectory(directory),
  }
}

describe(
  'the inspection of zips takes 64 MiB, and the event loop for less than 50 ms',
  open,
  (test) => {
    test('with all evil ones, and 2 s for each', async ({ costsOf }) => {
      const costs = await costsOf(evilZips.map(([, , bytes]) => bytes))
      assert.ok(costs.archiveMs < patientMs(archiveMsMax), JSON.stringify(costs))
    })

    for (const [what, bytes] of isLong ? large : []) {
      test(`with ${what}`, async ({ costsOf }) => {
        await costsOf([bytes])
      })
    }
  },
)

describe(
  'the inspection of tars takes 64 MiB, and the event loop for less than 50 ms',
  open,
  (test) => {
    test('with all evil ones, and 2 s for each', async ({ costsOf }) => {
      const tars = evilTars.map(([, , bytes]) => bytes)
      const costs = await costsOf(tars, 'tar')
      assert.ok(costs.archiveMs < patientMs(archiveMsMax), JSON.stringify(costs))
    })

    for (const [what, bytes] of isLong ? largeTars : []) {
      test(`with ${what}`, async ({ costsOf }) => {
        await costsOf([bytes], 'tar')
      })
    }
  },
)
