import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { describe } from '../support/suite.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const folder = fileURLToPath(new URL('../../src', import.meta.url))
const check = path.join(folder, 'node-version.cjs')

async function open() {
  const directory = temporaryDirectory('node-version')
  return {
    /** What a file says and how it ends in a Node.js that gives itself out as another. */
    run: (version: string, file: string) => {
      const disguise = path.join(directory, 'disguise.cjs')
      writeFileSync(
        disguise,
        `Object.defineProperty(process, 'versions', { value: { node: '${version}' } })`,
      )
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['--require', disguise, path.join(folder, file), '--help'],
        { encoding: 'utf8' },
      )
      return { status, stdout, stderr }
    },
  }
}

describe('Node.js', open, (test) => {
  for (const version of ['12.22.12', '18.20.8', '20.9.0', '20.18.3']) {
    for (const file of ['node-version.cjs', 'almanac.cjs']) {
      test(`${version} is too old, says ${file} in one sentence`, async ({ run }) => {
        const stderr = `almanac: Node.js 20.19 or newer is needed, and this is ${version}.\n`
        assert.equal(run(version, file), { status: 1, stdout: '', stderr })
      })
    }
  }

  for (const version of ['20.19.0', '20.100.0', '22.0.0', '100.1.2-nightly20261128']) {
    test(`${version} will do`, async ({ run }) => {
      assert.equal(run(version, 'node-version.cjs'), { status: 0, stdout: '', stderr: '' })
    })
  }

  test('of any age can read what says so, which npm start runs first', async () => {
    const words = readFileSync(check, 'utf8').replaceAll(/\/\/.*$/gm, '')
    assert.not.match(words, /\b(?:const|let|class|import|async|await)\b|=>|`|\?[.?]|\*\*|\.\.\./)
    const manifest: { scripts: { start: string } } = JSON.parse(
      readFileSync(path.join(folder, '../package.json'), 'utf8'),
    )
    assert.ok(manifest.scripts.start.startsWith('node src/node-version.cjs && '))
  })
})
