import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { describe } from '../support/suite.ts'

const Installed = z.array(z.object({ pkgid: z.string(), license: z.string().optional() }))

/** Licences that let anybody use, change and pass on what is under them, without conditions for our own code. */
const free = new Set([
  '(MIT OR CC0-1.0)',
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'PSF-2.0',
])

function withoutFreeLicence(packages: z.infer<typeof Installed>): readonly string[] {
  return packages
    .filter(({ license = 'none' }) => !free.has(license))
    .map(({ pkgid, license = 'none' }) => `${pkgid}: ${license}`)
}

async function open() {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const answer = execFileSync('npm', ['query', '*'], { cwd: root, encoding: 'utf8' })
  return { installed: Installed.parse(JSON.parse(answer)) }
}

describe('licences', open, (test) => {
  test('of all that is installed are free ones', ({ installed }) => {
    assert.ok(installed.length > 100)
    assert.equal(withoutFreeLicence(installed), [])
  })

  test('are missed where there is none, or one with conditions', () => {
    const found = withoutFreeLicence([
      { pkgid: 'a@1.0.0' },
      { pkgid: 'b@1.0.0', license: 'AGPL-3.0-only' },
      { pkgid: 'c@1.0.0', license: 'MIT' },
    ])
    assert.equal(found, ['a@1.0.0: none', 'b@1.0.0: AGPL-3.0-only'])
  })
})
