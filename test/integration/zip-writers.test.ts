import { spawnSync } from 'node:child_process'
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as assert from 'uvu/assert'
import { inspectZip } from '../../src/archives/zip/inspect.ts'
import { composerVersion, runComposer } from '../support/composer.ts'
import { describe, skipSuite } from '../support/suite.ts'
import { removeDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { zip, type ZipEntry } from '../support/zip.ts'

const tree: readonly (ZipEntry & { readonly content: string })[] = [
  { path: 'composer.json', content: '{"name": "acme/log", "description": "A log"}' },
  { path: 'bin/log', content: '#!/usr/bin/env php', mode: 0o755 },
  { path: 'bin.d/log.ini', content: 'level=1' },
  { path: 'src/Log.php', content: '<?php class Log {}' },
  { path: 'src/large.txt', content: 'large '.repeat(50_000) },
  { path: 'docs/übersicht.md', content: 'Übersicht' },
  { path: 'docs/empty.md', content: '' },
]
const link: ZipEntry = { path: 'docs/log', content: '../src/Log.php', mode: 0o120777 }

/** Writes a zip of the directory that it runs in; its file is the argument `$1`. */
interface Writer {
  readonly program: string
  /** Fails when the program can't do what is asked. */
  readonly probe: readonly string[]
  readonly scripts: Readonly<Record<string, string>>
  readonly losesModes?: boolean
}

const python = (body: string): string => `python3 -c '
import os, sys, zipfile
class Pipe:
  def __init__(self, file): self.write = file.write; self.flush = file.flush
files = [os.path.join(at, name) for at, _, names in os.walk(".") for name in sorted(names)]
${body}' "$1"`
const php = (body: string): string => `php -r '
$zip = new ZipArchive;
$zip->open($argv[1], ZipArchive::CREATE);
$files = new RecursiveIteratorIterator(new RecursiveDirectoryIterator(".", FilesystemIterator::SKIP_DOTS), 1);
foreach ($files as $file) {
  $name = substr($file, 2);
  $file->isDir() ? $zip->addEmptyDir($name) : $zip->addFile($file, $name);
  if ($file->isFile()) $zip->setExternalAttributesName($name, ZipArchive::OPSYS_UNIX, fileperms($file) << 16);
}
${body}
$zip->close();' -- "$1"`
const git =
  'export GIT_DIR="$1.git" GIT_WORK_TREE="$PWD" GIT_CONFIG_GLOBAL=/dev/null && git init -q && ' +
  'git add . && git -c user.name=a -c user.email=a@example.org commit -qm a && git'

const writers: readonly Writer[] = [
  {
    program: 'git',
    probe: ['archive', '--list'],
    scripts: {
      'git archive': `${git} archive --format zip --prefix acme-log-0a1b2c3/ -o "$1" HEAD`,
      'git archive, not packed': `${git} archive --format zip -0 -o "$1" HEAD`,
      'git archive, of files too large for its memory': `${git} -c core.bigFileThreshold=1k archive --format zip -o "$1" HEAD`,
    },
  },
  {
    program: 'zip',
    probe: ['-h'],
    scripts: {
      'Info-ZIP': 'zip -qr "$1" .',
      'Info-ZIP into a pipe': 'zip -qr - . | cat > "$1"',
      'Info-ZIP with data descriptors': 'zip -qr -fd "$1" .',
      'Info-ZIP in 64 bits': 'zip -qr -fz "$1" .',
      'Info-ZIP, updated': 'zip -qr "$1" . && zip -qd "$1" bin/log && zip -q "$1" bin/log',
    },
  },
  {
    program: 'python3',
    probe: ['-c', 'import zipfile'],
    scripts: {
      Python: python('with zipfile.ZipFile(sys.argv[1], "w", 8) as z: [z.write(f) for f in files]'),
      'Python into a pipe': python(`
with open(sys.argv[1], "wb") as file, zipfile.ZipFile(Pipe(file), "w", 8) as z:
  [z.write(f) for f in files]`),
      'Python into a pipe, in 64 bits': python(`
with open(sys.argv[1], "wb") as file, zipfile.ZipFile(Pipe(file), "w") as z:
  for f in files:
    with z.open(zipfile.ZipInfo.from_file(f), "w", force_zip64=True) as entry:
      entry.write(open(f, "rb").read())`),
    },
  },
  {
    program: 'php',
    probe: ['-r', 'exit(class_exists("ZipArchive") ? 0 : 1);'],
    scripts: {
      PHP: php(''),
      'PHP, updated': php(`
$zip->close();
$zip->open($argv[1]);
$zip->deleteName("docs/empty.md");
$zip->addFile("docs/empty.md", "docs/empty.md");
$zip->addFile("src/Log.php", "src/Log.php");
$zip->setArchiveComment("updated");`),
    },
  },
  {
    program: 'jar',
    probe: ['--version'],
    scripts: { Java: 'jar cMf "$1" .', 'Java, updated': 'jar cMf "$1" . && jar uMf "$1" src' },
    losesModes: true,
  },
]

async function open() {
  const directory = temporaryDirectory('almanac-zips')
  const source = path.join(directory, 'source')
  for (const { path: name, content, mode = 0o644 } of tree) {
    const file = path.join(source, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, content, { mode })
  }
  let written = 0
  return {
    source,
    newFile: (): string => path.join(directory, `${(written += 1)}.zip`),
    close: async () => removeDirectory(directory),
  }
}

async function hashOf(file: string): Promise<string> {
  const inspected = await inspectZip(file, statSync(file).size)
  return inspected.ok ? inspected.treeSha256 : inspected.problem
}

async function hashOfTree(file: string, entries: readonly ZipEntry[]): Promise<string> {
  writeFileSync(file, zip(entries))
  return await hashOf(file)
}

function run(script: string, directory: string, file: string): void {
  const { status, stderr } = spawnSync('sh', ['-c', script, 'sh', file], {
    cwd: directory,
    encoding: 'utf8',
  })
  assert.is(status, 0, stderr)
}

for (const { program, probe, scripts, losesModes = false } of writers) {
  if (spawnSync(program, probe).status !== 0) {
    skipSuite(`zips written by ${program}`, `there is no ${program} on PATH that can`)
    continue
  }
  describe(`zips written by ${program} have the hash of their tree`, open, (test) => {
    const expected = losesModes ? tree.map((entry) => ({ ...entry, mode: 0o644 })) : tree
    for (const [what, script] of Object.entries(scripts)) {
      test(what, async ({ source, newFile }) => {
        const file = newFile()
        run(script, source, file)
        assert.is(await hashOf(file), await hashOfTree(newFile(), expected))
      })
    }
  })
}

const linking = { git: `${git} archive --format zip -o "$1" HEAD`, zip: 'zip -qry "$1" .' }
for (const [program, script] of Object.entries(linking)) {
  if (spawnSync(program, ['-h']).error !== undefined) {
    skipSuite(`links written by ${program}`, `there is no ${program} on PATH`)
    continue
  }
  describe(`links written by ${program}`, open, (test) => {
    test('are links in the hash, and refused when they lead out', async ({ source, newFile }) => {
      const [inside, outside] = [newFile(), newFile()]
      symlinkSync(String(link.content), path.join(source, link.path))
      run(script, source, inside)
      assert.is(await hashOf(inside), await hashOfTree(newFile(), [...tree, link]))
      symlinkSync('../../etc', path.join(source, 'docs/etc'))
      run(script, source, outside)
      assert.match(await hashOf(outside), /is a link that leads out/)
    })
  })
}

if (composerVersion() === undefined) {
  skipSuite('zips written by Composer', 'there is no composer on PATH')
} else {
  describe('zips written by Composer', open, (test) => {
    test('have the hash of their tree', async ({ source, newFile }) => {
      const { dir, name } = path.parse(newFile())
      const args = ['archive', '--format=zip', `--dir=${dir}`, `--file=${name}`]
      const { code, output } = await runComposer(args, { directory: source })
      assert.is(code, 0, output)
      assert.is(await hashOf(path.join(dir, `${name}.zip`)), await hashOfTree(newFile(), tree))
    })
  })
}
