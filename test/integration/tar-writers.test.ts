import { spawnSync } from 'node:child_process'
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { inspectTar } from '../../src/archives/tar/inspect.ts'
import { inspectZip } from '../../src/archives/zip/inspect.ts'
import { describe, skipSuite } from '../support/suite.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { zip, type ZipEntry } from '../support/zip.ts'

const tree: readonly (ZipEntry & { readonly content: string })[] = [
  { path: 'composer.json', content: '{"name": "acme/log", "description": "A log"}' },
  { path: 'bin/log', content: '#!/usr/bin/env php', mode: 0o755 },
  { path: 'src/Log.php', content: '<?php class Log {}' },
  { path: 'src/large.txt', content: 'large '.repeat(50_000) },
  { path: `src/${'long'.repeat(20)}/${'name'.repeat(20)}.php`, content: '<?php' },
  { path: 'docs/übersicht.md', content: 'Übersicht' },
  { path: 'docs/empty.md', content: '' },
]
const link: ZipEntry = { path: 'docs/log', content: '../src/Log.php', mode: 0o120777 }

/** Writes a tar of the directory that it runs in; its file is the argument `$1`. */
interface Writer {
  readonly program: string
  /** Fails when the program can't do what is asked. */
  readonly probe: readonly string[]
  readonly scripts: Readonly<Record<string, string>>
  readonly losesLinks?: boolean
}

const git =
  'export GIT_DIR="$1.git" GIT_WORK_TREE="$PWD" GIT_CONFIG_GLOBAL=/dev/null && git init -q && ' +
  'git add . && git -c user.name=a -c user.email=a@example.org commit -qm a && git'
const php = (body: string): string => `php -r '
$tar = new PharData($argv[1] . ".tar");
$tar->buildFromDirectory(".");
foreach (["bin/log"] as $file) $tar[$file]->chmod(0755);
${body}' -- "$1"`

const writers: readonly Writer[] = [
  {
    program: 'tar',
    probe: ['--version'],
    scripts: {
      tar: 'tar -cf "$1" .',
      'tar, packed': 'tar -czf "$1" --transform "s,^[.],acme-log-0a1b2c3,S" .',
      'tar, as ustar': 'tar --format ustar -cf "$1" .',
    },
  },
  {
    program: 'git',
    probe: ['archive', '--list'],
    scripts: {
      'git archive': `${git} archive --format tar --prefix acme-log-0a1b2c3/ -o "$1" HEAD`,
      'git archive, packed': `${git} archive --format tar.gz -o "$1" HEAD`,
    },
  },
  {
    program: 'php',
    probe: ['-r', 'exit(class_exists("PharData") ? 0 : 1);'],
    scripts: {
      PharData: `${php('')} && mv "$1.tar" "$1"`,
      'PharData, packed': `${php('$tar->compress(Phar::GZ);')} && mv "$1.tar.gz" "$1"`,
    },
    losesLinks: true,
  },
]

async function open() {
  const directory = temporaryDirectory('almanac-tars')
  let written = 0
  return {
    newFile: (): string => path.join(directory, `${(written += 1)}`),
    newSource: (): string => {
      const source = path.join(directory, `source-${(written += 1)}`)
      for (const { path: name, content, mode = 0o644 } of tree) {
        const file = path.join(source, name)
        mkdirSync(path.dirname(file), { recursive: true })
        writeFileSync(file, content, { mode })
      }
      return source
    },
    close: async () => removeDirectory(directory),
  }
}

function run(script: string, directory: string, file: string): void {
  const { status, stderr } = spawnSync('sh', ['-c', script, 'sh', file], {
    cwd: directory,
    encoding: 'utf8',
  })
  assert.is(status, 0, stderr)
}

async function hashOf(file: string): Promise<string> {
  const inspected = await inspectTar(file, statSync(file).size)
  return inspected.ok ? inspected.treeSha256 : inspected.problem
}

async function hashOfTree(file: string, entries: readonly ZipEntry[]): Promise<string> {
  writeFileSync(file, zip(entries))
  const inspected = await inspectZip(file, statSync(file).size)
  return inspected.ok ? inspected.treeSha256 : inspected.problem
}

for (const { program, probe, scripts, losesLinks = false } of writers) {
  if (spawnSync(program, probe).status !== 0) {
    skipSuite(`tars written by ${program}`, `there is no ${program} on PATH that can`)
    continue
  }
  describe(`tars written by ${program} have the hash of a zip of their tree`, open, (test) => {
    for (const [what, script] of Object.entries(scripts)) {
      test(what, async ({ newSource, newFile }) => {
        const [source, file] = [newSource(), newFile()]
        run(script, source, file)
        assert.is(await hashOf(file), await hashOfTree(newFile(), tree))
        if (losesLinks) return
        const [inside, outside] = [newFile(), newFile()]
        symlinkSync(String(link.content), path.join(source, link.path))
        run(script, source, inside)
        assert.is(await hashOf(inside), await hashOfTree(newFile(), [...tree, link]))
        symlinkSync('../../etc', path.join(source, 'docs/etc'))
        run(script, source, outside)
        assert.match(await hashOf(outside), /is a link that leads out/)
      })
    }
  })
}
