import type { DocumentKind, Flag, PackageState, VersionState } from './history.ts'
import { autoloadOf } from './archives.ts'

export interface DistLocation {
  readonly url: string
  /** Lower-case hex, or empty as for most of Packagist. */
  readonly shasum: string
}

export interface DocumentOptions {
  readonly kind: DocumentKind
  readonly distOf: (version: VersionState) => DistLocation
}

/** The p2 document of a package, in Packagist's shape, order of keys and minified form. */
export function documentOf(state: PackageState, { kind, distOf }: DocumentOptions): object {
  const { name } = state.description
  const versions = versionsOf(state, kind).map((version) =>
    versionDocument(state, version, distOf(version)),
  )
  const document = { minified: 'composer/2.0', packages: { [name]: minify(versions) } }
  if (kind === 'dev') return document
  return {
    ...document,
    'security-advisories': state.advisories.map(({ advisoryId, affectedVersions }) => ({
      advisoryId,
      affectedVersions,
    })),
    ...filterOf(state),
  }
}

/** Newest first; branches in their order, the default one first. */
export function versionsOf(state: PackageState, kind: DocumentKind): readonly VersionState[] {
  if (kind === 'dev') return [...state.branches.values()]
  return [...state.tags.values()].toSorted((one, other) => compareTags(other.label, one.label))
}

/** How Composer writes a tag or branch: `v1.2` → `1.2.0.0`, branch `1.x` → `1.9999999.…-dev`. */
function normalise({ label, kind }: Pick<VersionState, 'label' | 'kind'>): {
  readonly version: string
  readonly normalised: string
} {
  if (kind === 'tags') {
    const { numbers, suffix } = partsOf(label)
    return { version: label, normalised: numbers.join('.') + suffix }
  }
  const numeric = /^(\d+)\.x$/.exec(label)
  if (numeric === null) return { version: `dev-${label}`, normalised: `dev-${label}` }
  return {
    version: `${label}-dev`,
    normalised: `${numeric[1]}.9999999.9999999.9999999-dev`,
  }
}

/** Each entry says only what differs from the one before it; `__unset` takes a key away. */
export function minify(versions: readonly object[]): readonly object[] {
  let before: Readonly<Record<string, unknown>> = {}
  return versions.map((version, index) => {
    const now: Readonly<Record<string, unknown>> = { ...version }
    const difference: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(now)) {
      if (JSON.stringify(value) !== JSON.stringify(before[key])) difference[key] = value
    }
    for (const key of Object.keys(before)) {
      if (!(key in now)) difference[key] = '__unset'
    }
    before = now
    return index === 0 ? version : difference
  })
}

function versionDocument(state: PackageState, version: VersionState, dist: DistLocation): object {
  const { name, description, distType = 'zip' } = state.description
  const { reference, facts, publishedAt } = version
  const { version: pretty, normalised } = normalise(version)
  const repository = `https://git.example/${name}`
  const isDefaultBranch = version === state.branches.values().next().value
  const { type = 'library', bin, extra, ...links } = facts
  const { url, shasum } = dist
  return {
    name,
    description,
    keywords: name.split('/'),
    homepage: '',
    version: pretty,
    version_normalized: normalised,
    license: ['MIT'],
    authors: [{ name: 'Ada Example', email: 'ada@example.org' }],
    ...(type !== 'metapackage' && {
      source: { url: `${repository}.git`, type: 'git', reference },
      dist: { url, type: distType, shasum, ...distReference(state.description, version) },
    }),
    type,
    support: { issues: `${repository}/issues`, source: `${repository}/tree/${version.label}` },
    funding: [],
    // A commit is a little older than upstream's first sight of it.
    time: atomOf(publishedAt - 90),
    'published-time': atomOf(publishedAt),
    ...(type !== 'metapackage' && { autoload: autoloadOf(name).autoload }),
    ...(extra && { extra }),
    ...(bin && { bin }),
    ...(isDefaultBranch && { 'default-branch': true }),
    ...inPackagistsOrder(links),
    ...(state.abandoned !== undefined && { abandoned: state.abandoned }),
  }
}

function distReference(
  { distReference: kind }: PackageState['description'],
  { reference, label }: VersionState,
): object {
  if (kind === 'none') return {}
  return { reference: kind === 'version' ? label : reference }
}

const linkOrder = ['require', 'require-dev', 'suggest', 'conflict', 'provide', 'replace']

function inPackagistsOrder(links: object): object {
  const entries = Object.entries(links)
  return Object.fromEntries(
    entries.toSorted(([one], [other]) => linkOrder.indexOf(one) - linkOrder.indexOf(other)),
  )
}

function filterOf({ description, flags }: PackageState): object {
  const filter: Record<string, object[]> = {}
  for (const [index, { list, constraint }] of flags.filter(isInDocument).entries()) {
    const entries = (filter[list] ??= [])
    entries.push({
      constraint,
      url: `https://advisories.example/${description.name}`,
      reason: list,
      id: `MAL-${index + 1}`,
      source: 'example',
    })
  }
  return Object.keys(filter).length > 0 ? { filter } : {}
}

function isInDocument({ onlyIn }: Flag): boolean {
  return onlyIn !== 'summary'
}

/** `2024-01-31T12:00:00+00:00`, as PHP writes it. */
function atomOf(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}+00:00`
}

function compareTags(one: string, other: string): number {
  const [left, right] = [partsOf(one), partsOf(other)]
  for (const [index, number] of left.numbers.entries()) {
    const difference = number - (right.numbers[index] ?? 0)
    if (difference !== 0) return difference
  }
  // Without a suffix it is the stable release, newer than its betas.
  if (left.suffix === '' || right.suffix === '') return right.suffix.length - left.suffix.length
  return left.suffix < right.suffix ? -1 : 1
}

/** `v2.0.0-beta1` → 2, 0, 0, 0 and `-beta1`. */
function partsOf(label: string): { readonly numbers: readonly number[]; readonly suffix: string } {
  const [numbers = '', ...rest] = label.replace(/^v/, '').split('-')
  const parts = numbers.split('.').map(Number)
  while (parts.length < 4) parts.push(0)
  return { numbers: parts, suffix: rest.length > 0 ? `-${rest.join('-')}` : '' }
}
