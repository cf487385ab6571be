import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { JsonObject } from '../../src/composer/minify.ts'
import { removeDirectory, temporaryDirectory } from './temporary-directory.ts'

const script = 'composer-loader.php'
export const packageName = 'acme/log'

/** What a Composer throws at each of these versions; null: it loads, locks and installs it. */
export function thrownBy(bin: string, versions: readonly JsonObject[]): readonly (string | null)[] {
  const directory = temporaryDirectory('composer-loader')
  const file = (name: string) => path.join(directory, name)
  const lines = versions.map((version) => {
    const document = { packages: { [packageName]: [version] } }
    return `${JSON.stringify([packageName, document])}\n`
  })
  copyFileSync(path.join(import.meta.dirname, script), file(script))
  writeFileSync(file('documents.jsonl'), lines.join(''))
  const project = {
    name: 'test/loader',
    autoload: { classmap: [script] },
    scripts: { tell: 'ComposerLoader::tell' },
  }
  writeFileSync(file('composer.json'), JSON.stringify(project))
  const { status, stderr } = spawnSync(bin, ['run-script', 'tell', '--no-ansi', '--quiet'], {
    cwd: directory,
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      COMPOSER_ALLOW_SUPERUSER: '1',
      COMPOSER_HOME: file('home'),
      COMPOSER_PROCESS_TIMEOUT: '600',
    },
  })
  const thrown = readFileSync(file('thrown.jsonl'), 'utf8').trim().split('\n')
  removeDirectory(directory)
  if (status !== 0 || thrown.length !== versions.length) throw new Error(`${bin}: ${stderr}`)
  return thrown.map((line) => JSON.parse(line) as string | null) // as the script writes it
}
