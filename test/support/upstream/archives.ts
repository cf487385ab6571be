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
 * One file has the class alone. Types that no test unpacks only begin as they should.
 */
export function archiveOf(version: VersionState, options: ArchiveOptions): Buffer {
  const { reference } = version
  const { distType = 'zip' } = options.description
  const release = releaseOf(version)
  const folder = `${version.package.replace('/', '-')}-${reference.slice(0, 7)}`
  switch (distType) {
    case 'zip': {
      const method = options.form === 'repacked' ? 'stored' : 'deflate'
      return zipball(folder, treeOf(version, options), { method, comment: reference })
    }
    case 'tar': {
      const tree = treeOf(version, options)
      return tar(tree.map((entry) => ({ ...entry, path: `${folder}/${entry.path}` })))
    }
    case 'gzip':
      return gzipSync(release)
    case 'xz':
      return Buffer.from(`\xfd7zXZ\0${release}`, 'latin1')
    case 'rar':
      return Buffer.from(`Rar!\x1a\x07${release}`, 'latin1')
    case 'phar':
    case 'file':
      return Buffer.from(release)
    default:
      return distType satisfies never
  }
}

function treeOf(version: VersionState, { description, form }: ArchiveOptions): readonly ZipEntry[] {
  const { reference, facts } = version
  const composer = {
    name: version.package,
    description: description.description,
    ...facts,
    autoload: autoloadOf(version.package).autoload,
  }
  const tree: ZipEntry[] = [
    { path: 'composer.json', content: `${JSON.stringify(composer, null, 4)}\n` },
    { path: 'src/Release.php', content: releaseOf(version) },
  ]
  for (const path of facts.bin ?? [])
    tree.push({ path, content: "<?php\n\necho 'ok';\n", mode: 0o755 })
  const { ballastBytes = 0 } = description
  if (ballastBytes > 0) tree.push({ path: 'ballast.bin', content: noise(reference, ballastBytes) })
  if (form === 'tampered')
    tree.push({ path: 'src/extra.php', content: '<?php // not of the tag\n' })
  return tree
}

function releaseOf(version: VersionState): string {
  return `<?php

namespace ${autoloadOf(version.package).namespace};

final class Release
{
    public const VERSION = '${version.label}';
    public const REFERENCE = '${version.reference}';
}
`
}

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
