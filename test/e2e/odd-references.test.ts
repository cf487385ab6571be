import { readFileSync } from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { startBothModes } from '../support/both-modes.ts'
import { type ComposerProject, composerProject } from '../support/composer.ts'
import { forEachComposer } from '../support/every-composer.ts'
import { startStubUpstream } from '../support/upstream.ts'

/** Git allows all of these, and Composer takes them. */
const branches = ['feature/x', '50%', 'a%41b', 'a%2fb', 'a+b', 'ä-ö', 'a&b=c', "it's"] as const

const name = 'odd/branches'
const ofBranch = ['2024-01-02', '2024-02-02'] as const
const packages = [
  {
    name,
    description: '',
    tags: [],
    branches: Object.fromEntries(branches.map((branch) => [branch, ofBranch])),
  },
]

const open = async () =>
  await startBothModes(await startStubUpstream({ at: '2025-07-30T00:00:00Z', packages }))

function releaseOf({ directory }: ComposerProject): string {
  return readFileSync(path.join(directory, 'vendor', name, 'src', 'Release.php'), 'utf8')
}

forEachComposer('references that are odd', open, (test, { run }) => {
  async function install(repository: string, version: string) {
    const project = composerProject({ repository, require: { [name]: version } })
    try {
      const { code, output } = await run(['update'], project)
      assert.is(code, 0, output)
      return { locked: project.locked(), release: releaseOf(project) }
    } finally {
      project.remove()
    }
  }

  for (const mode of ['rewriting', 'mirroring'] as const) {
    test(`${mode}: branches of any name are installed as from upstream`, async (almanacs) => {
      for (const branch of branches) {
        const direct = await install(almanacs.upstream.url, `dev-${branch}`)
        assert.equal(await install(almanacs[mode].url, `dev-${branch}`), direct, branch)
      }
    })

    test(`${mode}: an abbreviated commit is the commit that it means, and is not kept`, async (almanacs) => {
      const { upstream } = almanacs
      const { url } = almanacs[mode]
      const wanted = upstream.pushCommit(name, 'a+b')
      upstream.pushCommit(name, 'a+b')
      upstream.forget()
      for (const time of [1, 2]) {
        const { release } = await install(url, `dev-a+b#${wanted.slice(0, 8)}`)
        assert.match(release, wanted)
        const asked = upstream.requestsFor(/^\/dist\//).map((request) => request.path)
        assert.equal(asked, Array(time).fill(`/dist/${name}/${wanted.slice(0, 8)}.zip`))
      }
    })
  }
})
