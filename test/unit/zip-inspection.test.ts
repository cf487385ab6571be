import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { inspectZip } from '../../src/archives/zip/inspect.ts'
import { describe } from '../support/suite.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { evilZips } from '../support/zips/evil.ts'
import { goodZips } from '../support/zips/good.ts'
import { rawZip, unixMode, type RawEntry, type RawParts } from '../support/zips/raw.ts'

type Inspection = Awaited<ReturnType<typeof inspectZip>>

async function open() {
  const directory = temporaryDirectory('almanac-zip')
  return {
    inspect: async (body: Buffer): Promise<Inspection> => {
      const file = path.join(directory, 'archive')
      await writeFile(file, body)
      return await inspectZip(file, body.length)
    },
    close: async () => removeDirectory(directory),
  }
}
type Inspect = (body: Buffer) => Promise<Inspection>

describe('the inspection refuses a zip with', open, (test) => {
  for (const [what, problem, bytes] of evilZips) {
    test(what, async ({ inspect }) => {
      const inspected = await inspect(bytes())
      assert.match(inspected.ok ? 'nothing' : inspected.problem, problem)
    })
  }
})

describe('the inspection takes a zip with', open, (test) => {
  for (const [what, bytes] of goodZips) {
    test(what, async ({ inspect }) => {
      const inspected = await inspect(bytes())
      assert.ok(inspected.ok, inspected.ok ? '' : inspected.problem)
    })
  }
})

/** A little of everything, so that a test can change every byte. */
const attributes = (mode: number) => ({ central: { attributes: unixMode(mode) } })
const tree: readonly RawEntry[] = [
  { name: 'top/', ...attributes(0o040755) },
  { name: 'top/composer.json', content: '{"name": "acme/log", "type": "library"}' },
  { name: 'top/bin/log', content: '#!/usr/bin/env php', ...attributes(0o100755) },
  { name: 'top/src/Log.php', content: '<?php class Log { function log() {} }' },
  { name: 'top/src/Logger.php', content: 'Log.php', ...attributes(0o120777) },
  { name: 'top/bin-empty' },
  { name: 'top/ü.md', content: 'ü' },
]

async function hashOf(inspect: Inspect, entries = tree, parts: RawParts = {}): Promise<string> {
  const inspected = await inspect(rawZip(entries, parts))
  return inspected.ok ? inspected.treeSha256 : inspected.problem
}

function renamed(rename: (name: string) => string): readonly RawEntry[] {
  return tree.map((entry) => ({ ...entry, name: rename(String(entry.name)) }))
}

function changed(name: string, change: Partial<RawEntry>): readonly RawEntry[] {
  return tree.map((entry) => (entry.name === name ? { ...entry, ...change } : entry))
}

const time = { dosTime: 12345, dosDate: 12345 }
const samePackings: readonly (readonly [string, readonly RawEntry[], RawParts?])[] = [
  ['another order', tree.toReversed()],
  ['another top directory', renamed((name) => name.replace('top', 'acme-log-0a1b2c3'))],
  ['no top directory', renamed((name) => name.replace('top/', './'))],
  ['no entries for directories', tree.slice(1)],
  ['more entries for directories', [...tree, { name: 'top/src/' }, { name: 'top/tests/' }]],
  ['other levels', tree.map((entry) => ({ ...entry, level: 1 }))],
  ['nothing packed', tree.map((entry) => ({ ...entry, both: { method: 0 } }))],
  ['other times', tree.map((entry) => ({ ...entry, both: time }))],
  ['extra fields', tree.map((entry) => ({ ...entry, both: { extra: Buffer.alloc(8) } }))],
  ['a comment', tree, { comment: '0a1b2c3' }],
  ['other permissions', changed('top/bin/log', attributes(0o100700))],
  ['files without a mode', changed('top/composer.json', { central: { madeBy: 0, attributes: 0 } })],
]
const otherTrees: readonly (readonly [string, readonly RawEntry[]])[] = [
  ['another byte', changed('top/bin-empty', { content: '\n' })],
  ['another path', changed('top/bin-empty', { name: 'top/bin-Empty' })],
  ['another directory', changed('top/bin-empty', { name: 'top/src/bin-empty' })],
  ['a file that can be run', changed('top/src/Log.php', attributes(0o100755))],
  ['a file that no longer can', changed('top/bin/log', attributes(0o100644))],
  ['a file in place of a link', changed('top/src/Logger.php', attributes(0o100644))],
  ['a link that leads elsewhere', changed('top/src/Logger.php', { content: 'Lug.php' })],
  ['a file more', [...tree, { name: 'top/new' }]],
  ['a file less', tree.slice(0, -1)],
  ['a file beside its top directory', [...tree, { name: 'new' }]],
  ['a directory beside its top directory', [...tree, { name: 'new/' }]],
  ['names that are divided otherwise', changed('top/src/Log.php', { name: 'top/src\\Log.php' })],
]

describe('the tree hash', open, (test) => {
  for (const [what, entries, parts] of samePackings) {
    test(`is the same with ${what}`, async ({ inspect }) => {
      assert.is(await hashOf(inspect, entries, parts), await hashOf(inspect))
    })
  }

  for (const [what, entries] of otherTrees) {
    test(`is another one with ${what}`, async ({ inspect }) => {
      const hash = await hashOf(inspect, entries)
      assert.match(hash, /^[0-9a-f]{64}$/)
      assert.is.not(hash, await hashOf(inspect))
    })
  }

  // Kept in events, so it can never be another one: made with `printf` and `sha256sum`.
  test('is what it always was', async ({ inspect }) => {
    assert.is(
      await hashOf(inspect),
      '064924c0195669e6c28a0109c8382777386760dc48e3f0fb8b78071ddf6b798d',
    )
  })
})

describe('a zip that was damaged', open, (test) => {
  const whole = rawZip(tree, { comment: 'commit' })

  test('is refused when it was cut off anywhere', async ({ inspect }) => {
    for (let length = 0; length < whole.length; length++) {
      assert.not((await inspect(whole.subarray(0, length))).ok, `${length} bytes`)
    }
  })

  test('is refused, or has the same tree, whichever bit was flipped', async ({ inspect }) => {
    const expected = await hashOf(inspect, tree)
    const modes = modePositions(whole)
    for (let position = 0; position < whole.length; position++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(whole)
        flipped.writeUInt8(flipped.readUInt8(position) ^ (1 << bit), position)
        const inspected = await inspect(flipped)
        // A mode is said once only, so that nothing contradicts another one.
        const isSame = inspected.ok && inspected.treeSha256 === expected
        assert.ok(!inspected.ok || isSame || modes.has(position), `bit ${bit} of ${position}`)
      }
    }
  })
})

/** Where the host systems and modes are in the directory of a zip. */
function modePositions(bytes: Buffer): ReadonlySet<number> {
  const positions = new Set<number>()
  const signature = Buffer.from('PK\x01\x02')
  for (let at = bytes.indexOf(signature); at !== -1; at = bytes.indexOf(signature, at + 1)) {
    for (const offset of [5, 40, 41]) positions.add(at + offset)
  }
  return positions
}
