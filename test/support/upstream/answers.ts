import { createHash } from 'node:crypto'
import { archiveOf, type ArchiveOptions } from './archives.ts'
import { documentOf, versionsOf, type DistLocation } from './documents.ts'
import { changesSince, timestampOf } from './feed.ts'
import { rootFile } from './root.ts'
import type { DocumentKind, History, PackageState, VersionState } from './history.ts'

/** What a request gets, before compression and before any fault. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** Its length is told beforehand. Not so for GitHub's archives. */
  readonly hasLength: boolean
}

/** What the answers are made from. */
export interface World {
  /** What absolute URLs begin with. */
  readonly url: string
  readonly history: History
  /** The clock: seconds since the epoch. */
  readonly now: () => number
  readonly redirectsDists: boolean
  readonly hasFeed: () => boolean
  readonly hasLists: boolean
  /** Members of the root file that are otherwise; those that are undefined are left out. */
  readonly rootChanges: () => Readonly<Record<string, unknown>>
  readonly formOf: (reference: string) => ArchiveOptions['form']
}

interface Asked {
  readonly parts: readonly string[]
  readonly query: URLSearchParams
  readonly body: string
}

interface Route {
  readonly method: 'GET' | 'POST'
  readonly pattern: RegExp
  readonly answer: (world: World, asked: Asked) => Answer
}

const name = '([a-z0-9._-]+/[a-z0-9._-]+?)'
const reference = '([0-9a-f]{4,40})'

const routes: readonly Route[] = [
  { method: 'GET', pattern: /^\/packages\.json$/, answer: root },
  { method: 'GET', pattern: new RegExp(`^/p2/${name}(~dev)?\\.json$`), answer: metadata },
  { method: 'GET', pattern: /^\/metadata\/changes\.json$/, answer: changes },
  { method: 'GET', pattern: /^\/packages\/list\.json$/, answer: list },
  { method: 'GET', pattern: /^\/search\.json$/, answer: search },
  { method: 'GET', pattern: new RegExp(`^/providers/${name}\\.json$`), answer: providers },
  { method: 'GET', pattern: /^\/lists\/all\/summary\.json$/, answer: summary },
  { method: 'GET', pattern: /^\/api\/security-advisories\/$/, answer: advisories },
  { method: 'POST', pattern: /^\/api\/security-advisories\/$/, answer: advisories },
  {
    method: 'POST',
    pattern: /^\/downloads\/$/,
    answer: () => json({ status: 'success' }, undefined, 201),
  },
  { method: 'GET', pattern: new RegExp(`^/dist/${name}/${reference}\\.[a-z]+$`), answer: archive },
  {
    method: 'GET',
    pattern: new RegExp(`^/zipball/${name}/${reference}$`),
    answer: zipballRedirect,
  },
  { method: 'GET', pattern: new RegExp(`^/codeload/${name}/${reference}$`), answer: codeload },
]

/** The answer of a Packagist that has no troubles. */
export function answerTo(
  world: World,
  { method, url, body }: { readonly method: string; readonly url: string; readonly body: string },
): Answer {
  const { pathname, searchParams } = new URL(url, world.url)
  for (const route of routes) {
    const match = route.pattern.exec(pathname)
    if (match !== null && route.method === method) {
      return route.answer(world, { parts: match.slice(1), query: searchParams, body })
    }
  }
  return notFound
}

function root(world: World): Answer {
  return json({ ...rootFile(world), ...world.rootChanges() }, world.hasFeed() ? 0 : 1)
}

function metadata(world: World, { parts }: Asked): Answer {
  const [packageName = '', dev] = parts
  const kind: DocumentKind = dev === undefined ? 'tags' : 'dev'
  const state = world.history.stateAt(packageName, world.now())
  if (state === undefined || state.isDeleted) return notFound
  const distOf = (version: VersionState): DistLocation => distLocation(world, version)
  return json(documentOf(state, { kind, distOf }), state.modifiedAt[kind])
}

function distLocation(world: World, version: VersionState): DistLocation {
  const path = `${version.package}/${version.reference}`
  const { hasShasum = false, distType = 'zip' } = world.history.descriptionOf(version.package)
  return {
    url: world.redirectsDists
      ? `${world.url}/zipball/${path}`
      : `${world.url}/dist/${path}.${distType}`,
    shasum: hasShasum
      ? createHash('sha1')
          .update(archiveBytes(world, version, 'original'))
          .digest('hex')
      : '',
  }
}

function archive(world: World, { parts: [packageName = '', commit = ''] }: Asked): Answer {
  const version = world.history.versionOf(packageName, commit)
  if (version === undefined) return notFound
  const body = archiveBytes(world, version, world.formOf(commit))
  const etag = `"${createHash('sha256').update(body).digest('hex')}"`
  return {
    status: 200,
    headers: { 'content-type': 'application/zip', etag },
    body,
    hasLength: true,
  }
}

function zipballRedirect(world: World, { parts: [packageName, commit] }: Asked): Answer {
  const location = `${world.url}/codeload/${packageName}/${commit}`
  return { status: 302, headers: { location }, body: Buffer.alloc(0), hasLength: true }
}

function codeload(world: World, asked: Asked): Answer {
  return { ...archive(world, asked), hasLength: false }
}

function archiveBytes(world: World, version: VersionState, form: ArchiveOptions['form']): Buffer {
  return archiveOf(version, { description: world.history.descriptionOf(version.package), form })
}

function changes(world: World, { query }: Asked): Answer {
  const since = query.get('since') ?? ''
  // Any number before 2020 is taken for a mistake in the unit.
  if (!/^\d+$/.test(since) || Number(since) < 15_850_612_240_000) {
    const error = 'Invalid or missing "since" query parameter'
    return json({ error, timestamp: timestampOf(world.now()) }, undefined, 400)
  }
  return json(changesSince(world.history, { since: Number(since), now: world.now() }))
}

function list(world: World, { query }: Asked): Answer {
  const glob = query.get('filter') ?? '*'
  const vendor = query.get('vendor')
  const pattern = new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '.*')}$`, 'i')
  const packageNames = living(world)
    .filter((state) => isOfType(state, query.get('type')))
    .map((state) => state.description.name)
    .filter((known) => pattern.test(known) && (vendor === null || known.startsWith(`${vendor}/`)))
  return json({ packageNames })
}

function search(world: World, { query }: Asked): Answer {
  const word = (query.get('q') ?? '').toLowerCase()
  const perPage = Number(query.get('per_page') ?? 15)
  const page = Number(query.get('page') ?? 1)
  const found = living(world).filter(({ description: { name: known, description } }) =>
    `${known} ${description}`.toLowerCase().includes(word),
  )
  const ofType = found.filter((state) => isOfType(state, query.get('type')))
  const results = ofType.slice((page - 1) * perPage, page * perPage).map((state) => ({
    name: state.description.name,
    description: state.description.description,
    url: `${world.url}/packages/${state.description.name}`,
    repository: `https://git.example/${state.description.name}`,
    downloads: 1000,
    favers: 10,
    ...(state.abandoned !== undefined && { abandoned: state.abandoned }),
  }))
  const hasMore = page * perPage < ofType.length
  const next = `${world.url}/search.json?q=${encodeURIComponent(word)}&page=${page + 1}`
  return json({ results, total: ofType.length, ...(hasMore && { next }) })
}

function providers(world: World, { parts: [wanted = ''] }: Asked): Answer {
  const providing = living(world).filter((state) => {
    const facts = versionsOf(state, 'tags')[0]?.facts
    return facts?.provide?.[wanted] !== undefined || facts?.replace?.[wanted] !== undefined
  })
  return json({
    providers: providing.map(({ description }) => ({
      name: description.name,
      description: description.description,
      type: 'library',
    })),
  })
}

/** All lists, with packages that were deleted, which most of malware is. */
function summary(world: World): Answer {
  const filter: Record<string, Record<string, string>> = { malware: {} }
  const states = world.history.statesAt(world.now())
  for (const { description, flags } of states) {
    for (const { list: ofList, constraint, onlyIn } of flags) {
      if (onlyIn === 'document') continue
      const listed = (filter[ofList] ??= {})
      const before = listed[description.name]
      listed[description.name] = before === undefined ? constraint : `${before}|${constraint}`
    }
  }
  return json({ filter }, Math.max(0, ...states.map((state) => state.summaryModifiedAt)))
}

function advisories(world: World, { query, body }: Asked): Answer {
  const parameters = [...query, ...new URLSearchParams(body)]
  const named = parameters.filter(([key]) => /^packages\[\d*\]$/.test(key))
  const wanted = new Set(named.map(([, value]) => value))
  const updatedSince = query.get('updatedSince')
  const asked = living(world).filter(
    (state) => updatedSince !== null || wanted.has(state.description.name),
  )
  const entries = asked.map((state): [string, object[]] => [
    state.description.name,
    state.advisories
      .filter(({ reportedAt }) => Date.parse(reportedAt) / 1000 >= Number(updatedSince ?? 0))
      .map((advisory) => advisoryRecord(state, advisory)),
  ])
  const told = updatedSince === null ? entries : entries.filter(([, records]) => records.length > 0)
  return json({ advisories: Object.fromEntries(told) })
}

function advisoryRecord(state: PackageState, advisory: PackageState['advisories'][number]): object {
  const { advisoryId, affectedVersions, title, severity, reportedAt, cve = null } = advisory
  const { sources = [{ name: 'GitHub', remoteId: `GHSA-${advisoryId}` }] } = advisory
  return {
    advisoryId,
    packageName: state.description.name,
    remoteId: sources[0]?.remoteId,
    title,
    link: `https://advisories.example/${advisoryId}`,
    cve,
    affectedVersions,
    source: sources[0]?.name,
    reportedAt: `${new Date(reportedAt).toISOString().slice(0, 19)}+00:00`,
    composerRepository: 'https://packagist.org',
    severity,
    sources,
  }
}

function living(world: World): readonly PackageState[] {
  return world.history.statesAt(world.now()).filter((state) => !state.isDeleted)
}

function isOfType(state: PackageState, type: string | null): boolean {
  return type === null || type === '' || (state.description.facts?.type ?? 'library') === type
}

const notFound: Answer = {
  status: 404,
  headers: { 'content-type': 'text/plain' },
  body: Buffer.from('404 not found, no packages here'),
  hasLength: true,
}

function json(value: object, modifiedAt?: number, status = 200): Answer {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      ...(modifiedAt !== undefined && {
        'last-modified': new Date(modifiedAt * 1000).toUTCString(),
      }),
    },
    body: Buffer.from(JSON.stringify(value)),
    hasLength: true,
  }
}
