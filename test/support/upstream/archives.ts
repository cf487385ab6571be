import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { tar } from '../tar.ts'
import { zipball, type ZipEntry } from '../zip.ts'
import type { VersionState } from './history.ts'
import type { PackageDescription } from './packages.ts'

export interface ArchiveOptions {
  readonly description: PackageDescription
  /** `repacked`: the same files in other bytes; `tampered`: another file among them. */
  readonly form: 'original' | 'repacked' | 'tampered'
}

/**
 * The archive of one commit: a folder with a composer.json and one PHP class, which can be autoloaded.
 * Types that no test unpacks only begin as they should.
 */
export function archiveOf(version: VersionState, { description, form }: ArchiveOptions): Buffer {
  const { label, reference, facts } = version
  const { namespace, autoload } = autoloadOf(version.package)
  const composer = {
    name: version.package,
    description: description.description,
    ...facts,
    autoload,
  }
  const release = `<?php

namespace ${namespace};

final class Release
{
    public const VERSION = '${label}';
    public const REFERENCE = '${reference}';
}
`
  const tree: ZipEntry[] = [
    { path: 'composer.json', content: `${JSON.stringify(composer, null, 4)}\n` },
    { path: 'src/Release.php', content: release },
  ]
  for (const path of facts.bin ?? [])
    tree.push({ path, content: "<?php\n\necho 'ok';\n", mode: 0o755 })
  const { ballastBytes = 0 } = description
  if (ballastBytes > 0) tree.push({ path: 'ballast.bin', content: noise(reference, ballastBytes) })
  if (form === 'tampered')
    tree.push({ path: 'src/extra.php', content: '<?php // not of the tag\n' })

  const folder = `${version.package.replace('/', '-')}-${reference.slice(0, 7)}`
  const { distType = 'zip' } = description
  switch (distType) {
    case 'zip':
      return zipball(folder, tree, {
        method: form === 'repacked' ? 'stored' : 'deflate',
        comment: reference,
      })
    case 'tar':
      return tar(tree.map((entry) => ({ ...entry, path: `${folder}/${entry.path}` })))
    case 'gzip':
      return gzipSync(release)
    default:
      return Buffer.from(`${beginnings[distType]}${release}`, 'latin1')
  }
}

const beginnings = { xz: '\xfd7zXZ\0', rar: 'Rar!\x1a\x07', phar: '#!/usr/bin/env php\n', file: '' }

/** `acme/log` → `Acme\Log`, found in `src/`. */
export function autoloadOf(name: string): {
  readonly namespace: string
  readonly autoload: { readonly 'psr-4': Readonly<Record<string, string>> }
} {
  const namespace = name
    .split('/')
    .map((part) =>
      part.replaceAll(/(?:^|[-_.])([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    )
    .join('\\')
  return { namespace, autoload: { 'psr-4': { [`${namespace}\\`]: 'src/' } } }
}

/** Bytes that don't compress, the same for the same seed. */
function noise(seed: string, sizeBytes: number): Buffer {
  const blocks: Buffer[] = []
  for (let block = 0; block * 64 < sizeBytes; block += 1) {
    blocks.push(createHash('sha512').update(`${seed} ${block}`).digest())
  }
  return Buffer.concat(blocks).subarray(0, sizeBytes)
}
