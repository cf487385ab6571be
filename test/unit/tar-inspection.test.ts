import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import * as assert from 'uvu/assert'
import { inspectTar } from '../../src/archives/tar/inspect.ts'
import { inspectZip } from '../../src/archives/zip/inspect.ts'
import { describe } from '../support/suite.ts'
import { evilTars } from '../support/tars/evil.ts'
import { goodTars } from '../support/tars/good.ts'
import { type RawEntry, rawTar } from '../support/tars/raw.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { zip } from '../support/zip.ts'

async function open() {
  const directory = temporaryDirectory('almanac-tar')
  const file = path.join(directory, 'archive')
  const inspect = async (body: Buffer) => {
    await writeFile(file, body)
    return await inspectTar(file, body.length)
  }
  return {
    inspect,
    hashOf: async (body: Buffer): Promise<string> => {
      const inspected = await inspect(body)
      return inspected.ok ? inspected.treeSha256 : inspected.problem
    },
    hashOfZip: async (body: Buffer): Promise<string> => {
      await writeFile(file, body)
      const inspected = await inspectZip(file, body.length)
      return inspected.ok ? inspected.treeSha256 : inspected.problem
    },
    close: async () => removeDirectory(directory),
  }
}

describe('the inspection refuses a tar with', open, (test) => {
  for (const [what, problem, bytes] of evilTars) {
    test(what, async ({ inspect }) => {
      const inspected = await inspect(bytes())
      assert.match(inspected.ok ? 'nothing' : inspected.problem, problem)
    })
  }
})

describe('the inspection takes a tar with', open, (test) => {
  for (const [what, bytes] of goodTars) {
    test(what, async ({ inspect }) => {
      const inspected = await inspect(bytes())
      assert.ok(inspected.ok, inspected.ok ? '' : inspected.problem)
    })
  }
})

/** A little of everything, so that a test can change every byte. */
const tree: readonly RawEntry[] = [
  { name: 'top/', type: '5' },
  { name: 'top/composer.json', content: '{"name": "acme/log", "type": "library"}' },
  { name: 'top/bin/log', content: '#!/usr/bin/env php', mode: 0o755 },
  { name: 'top/src/Log.php', content: '<?php class Log { function log() {} }' },
  { name: 'top/src/Logger.php', type: '2', linkName: 'Log.php' },
  { name: 'top/bin-empty' },
  { name: 'top/ü.md', content: 'ü' },
]

describe('the tree hash of a tar', open, (test) => {
  test('is that of a zip of the same tree', async ({ hashOf, hashOfZip }) => {
    const entries = tree.map(({ name, content = '', mode, linkName }) => ({
      path: name,
      content: linkName ?? content,
      mode: linkName === undefined ? (mode ?? 0o644) : 0o120777,
    }))
    assert.is(await hashOf(rawTar(tree)), await hashOfZip(zip(entries)))
    assert.is(await hashOf(gzipSync(rawTar(tree))), await hashOfZip(zip(entries)))
  })

  test('is the same in another order, under another top directory, and with hard links', async ({
    hashOf,
  }) => {
    const expected = await hashOf(rawTar(tree))
    assert.is(await hashOf(rawTar(tree.toReversed())), expected)
    const renamed = tree.map((entry) => ({ ...entry, name: entry.name.replace('top', 'other') }))
    assert.is(await hashOf(rawTar(renamed)), expected)
    const copy = { name: 'top/copy', content: '#!/usr/bin/env php', mode: 0o755 }
    const linked = { name: 'top/copy', type: '1', linkName: 'top/bin/log' }
    assert.is(await hashOf(rawTar([...tree, linked])), await hashOf(rawTar([...tree, copy])))
  })
})

describe('a tar that was damaged', open, (test) => {
  /** Of each byte, or it would take minutes. */
  const bits = [0, 3, 6]
  const whole = rawTar(tree)
  const packed = gzipSync(whole)

  test('is refused when it was cut off anywhere', async ({ inspect }) => {
    for (let length = 0; length < whole.length; length += 64) {
      assert.not((await inspect(whole.subarray(0, length))).ok, `${length} bytes`)
    }
    for (let length = 0; length < packed.length; length++) {
      assert.not((await inspect(packed.subarray(0, length))).ok, `${length} packed bytes`)
    }
  })

  test('is refused, or has the same tree, whichever bit was flipped in its packing', async ({
    inspect,
    hashOf,
  }) => {
    const expected = await hashOf(whole)
    for (let position = 0; position < packed.length; position++) {
      for (const bit of bits) {
        const flipped = Buffer.from(packed)
        flipped.writeUInt8(flipped.readUInt8(position) ^ (1 << bit), position)
        const inspected = await inspect(flipped)
        const isSame = inspected.ok && inspected.treeSha256 === expected
        assert.ok(!inspected.ok || isSame, `bit ${bit} of ${position}`)
      }
    }
  })

  test('is refused whichever bit was flipped in a header', async ({ inspect }) => {
    for (let position = 512; position < 1024; position++) {
      // Of the checksum, whose digits these end.
      if (position === 512 + 154 || position === 512 + 155) continue
      for (const bit of bits) {
        const flipped = Buffer.from(whole)
        flipped.writeUInt8(flipped.readUInt8(position) ^ (1 << bit), position)
        assert.not((await inspect(flipped)).ok, `bit ${bit} of ${position}`)
      }
    }
  })
})
