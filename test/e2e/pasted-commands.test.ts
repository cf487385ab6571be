import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { startAlmanac } from '../support/almanac.ts'
import { adminToken } from '../support/api.ts'
import { composerVersion } from '../support/composer.ts'
import { type Block, blocksOf } from '../support/documents.ts'
import { freePort } from '../support/free-port.ts'
import { startProcess } from '../support/processes.ts'
import { packageZip } from '../support/publishing.ts'
import { describe, skipSuite } from '../support/suite.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { startStubUpstream } from '../support/upstream.ts'

const documents = ['README.md', 'docs/OPERATIONS.md'] as const

/** What isn't run, by how it begins, and why. */
const notRun: Readonly<Record<string, string>> = {
  'npm ci && npm start': 'the service that all others ask is started the same way, on a free port',
  'HOST=0.0.0.0 ':
    'a test listens on the loopback alone; start-options and terminal try these settings',
  "sed -i.bak 's#http": 'it takes a lock of another URL, which moved-locks makes and brings over',
  'npm ci && npm test': 'this is it',
  pg_dump: 'it takes a PostgreSQL of its own and its programs, which restore has',
  createdb: 'the same',
  ...(spawnSync('jq', ['--version']).error !== undefined && { jq: 'there is no jq here' }),
}

/** What those who paste put there themselves, and what is another here. */
function places(rig: { readonly port: number; readonly directory: string; readonly said: string }) {
  const { port, directory, said } = rig
  const inAnswer = (key: string): string => new RegExp(`"${key}":"([^"]+)"`).exec(said)?.[1] ?? ''
  return {
    '127.0.0.1:8080': `127.0.0.1:${port}`,
    'what the first start printed': adminToken,
    'token in the answer': inAnswer('token'),
    'id in the answer': inAnswer('id'),
    '2027-06-01T00:00:00Z': new Date(Date.now() + 30 * 86_400_000).toISOString(), // oxlint-disable-line no-restricted-properties -- the service under test has the real time
    '/backup/': `${directory}/backup/`,
  }
}

/** Exit codes: curl's own for a status of 400 or more, and for nobody who answers; the command's for both. */
const curlRefused = 22
const curlUnreachable = 7
const almanacFailed = 1

const wrongToken = 'wrong-token-0123456789'

const monolog = {
  name: 'monolog/monolog',
  description: 'Logs',
  tags: [
    ['3.0.0', '2025-01-01'],
    ['3.1.0', '2025-02-01'],
  ],
  branches: { main: ['2025-02-02'] },
} as const

async function open() {
  const upstream = await startStubUpstream({ at: '2025-06-30T00:00:00Z', packages: [monolog] })
  const almanac = await startAlmanac({ upstream: upstream.url, env: { PROXY_FEED_INTERVAL: '0' } })
  const directory = temporaryDirectory('pasted')
  for (const name of ['bin', 'backup', 'home', 'zips']) mkdirSync(path.join(directory, name))
  // As `npm link` makes it.
  const launcher = fileURLToPath(new URL('../../src/almanac.cjs', import.meta.url))
  symlinkSync(launcher, path.join(directory, 'bin/almanac'))
  const composer = process.env['COMPOSER_BIN']
  if (composer !== undefined) symlinkSync(composer, path.join(directory, 'bin/composer'))
  const state = path.join(directory, 'state')
  writeFileSync(state, '')
  const env = {
    PATH: `${directory}/bin:${process.env['PATH']}`,
    TMPDIR: process.env['TMPDIR'],
    HOME: path.join(directory, 'home'),
    COMPOSER_HOME: path.join(directory, 'home'),
    COMPOSER_ALLOW_SUPERUSER: '1',
    COMPOSER_NO_INTERACTION: '1',
  }
  const shell = async (text: string) => {
    const started = startProcess('sh', ['-c', text], { directory, env })
    const { code } = await started.exited
    await started.closed
    return { code, output: started.output() }
  }
  let said = ''
  const filled = (text: string, port = almanac.port): string =>
    Object.entries(places({ port, directory, said })).reduce(
      (all, [place, value]) => all.replaceAll(place, value),
      text,
    )
  await prepare({ directory, filled, shell, dataDirectory: almanac.dataDirectory })
  return {
    almanac,
    filled,
    /** Runs it in the shell that ran those before, as far as variables go; it stops where a command fails. */
    paste: async (text: string) => {
      const result = await shell(`. ${state}; set -e; ${text}\nexport -p > ${state}`)
      said = result.output
      return result
    },
    /** The same with other variables, of which nothing stays. */
    pasteWith: async (variables: string, text: string) =>
      await shell(`. ${state}; export ${variables}; set -e; ${text}`),
    async close() {
      await almanac.close()
      await upstream.close()
    },
  }
}

/** What a reader has before the first command: the project of the README, a package with a tag, zips, data. */
async function prepare(reader: {
  readonly directory: string
  readonly dataDirectory: string
  readonly filled: (text: string) => string
  readonly shell: (
    text: string,
  ) => Promise<{ readonly code: number | null; readonly output: string }>
}): Promise<void> {
  const { directory, dataDirectory, filled, shell } = reader
  const written = blocksOf('README.md').find(({ language }) => language === 'json')?.text ?? ''
  const ofProject = { name: 'acme/log', require: { 'monolog/monolog': '^3.0' } }
  const composerJson = { ...ofProject, ...(JSON.parse(filled(written)) as object) }
  writeFileSync(path.join(directory, 'composer.json'), JSON.stringify(composerJson))
  writeFileSync(
    path.join(directory, 'zips/a.zip'),
    packageZip({ name: 'acme/clock', version: '1.0.0' }),
  )
  cpSync(
    path.join(dataDirectory, 'postgresql', 'PG_VERSION'),
    path.join(directory, 'data/PG_VERSION'),
  )
  const request = '{"time":1,"msg":"request","path":"/dist-proxy/monolog/monolog/1.2.3.0/0.zip"}'
  writeFileSync(path.join(directory, 'almanac.log'), request)
  const { code, output } = await shell(
    `git init -q . && git add composer.json &&
     git -c user.name=a -c user.email=a@example.com commit -qm first && git tag v1.2.0`,
  )
  assert.is(code, 0, output)
}

const isNotRun = ({ text }: Block): boolean =>
  Object.keys(notRun).some((begin) => text.startsWith(begin))

const pasted = documents.flatMap((document) =>
  blocksOf(document)
    .filter(({ language }) => language === 'sh')
    .map((block) => ({ ...block, name: `${document}:${block.line}` })),
)

/** Those that ask the service with a token. */
const asksWithToken = ({ text }: Block): boolean => /curl .*\$ADMIN_TOKEN|^almanac /ms.test(text)

if (composerVersion() === undefined) {
  skipSuite('commands of the documents', 'there is no Composer')
} else {
  describe('commands of the documents', open, (test) => {
    for (const block of pasted) {
      if (isNotRun(block)) continue
      if (asksWithToken(block)) {
        // Before it works, since what is exported stays.
        test(`${block.name} fails with a wrong token, and where nobody answers`, async (rig) => {
          const { filled, pasteWith } = rig
          const isCurl = /^(?:curl|tar)/m.test(block.text)
          const wrong = `ADMIN_TOKEN=${wrongToken} ALMANAC_TOKEN=${wrongToken} ALMANAC_URL=${rig.almanac.url}`
          const text = withoutExports(block.text)
          const refused = await pasteWith(wrong, filled(text))
          assert.is(refused.code, isCurl ? curlRefused : almanacFailed, refused.output)
          assert.match(refused.output, 'token')
          const port = await freePort()
          const nobody = await pasteWith(
            `ALMANAC_TOKEN=x ALMANAC_URL=http://127.0.0.1:${port}`,
            filled(text, port),
          )
          assert.is(nobody.code, isCurl ? curlUnreachable : almanacFailed, nobody.output)
        })
      }
      test(`${block.name} works: ${block.text.split('\n')[0]}`, async ({ filled, paste }) => {
        const { code, output } = await paste(filled(block.text))
        assert.is(code, 0, output)
      })
    }

    test('every curl of them fails with its status and shows what was answered', () => {
      for (const { name, text } of pasted) {
        const silent = text.match(/\bcurl (?!--fail-with-body ).*/g)
        assert.is(silent, null, `${name}: ${silent?.[0]}`)
      }
    })

    test('what is named as not run is in the documents', () => {
      for (const begin of Object.keys(notRun)) {
        assert.ok(
          pasted.some(({ text }) => text.startsWith(begin)),
          begin,
        )
      }
    })

    test('what is put in is in the documents', () => {
      const all = documents.map((document) => readFileSync(document, 'utf8')).join('\n')
      for (const place of Object.keys(places({ port: 0, directory: '', said: '' }))) {
        assert.match(all, place)
      }
    })

    test('none of it costs the service an error', ({ almanac }) => {
      assert.not.match(almanac.output(), /"level":[56]0/)
    })
  })
}

/** What is exported for the right server and token would undo the wrong ones. */
function withoutExports(text: string): string {
  return text.replaceAll(/^export .*\n/gm, '')
}
