import { LRUCache } from 'lru-cache'
import { readCurrentDocuments } from '../projections/document-queries.ts'
import type { Allowance } from './access/allowance.ts'
import type { Client } from './access/client.ts'
import type { Relays } from './build-relays.ts'
import { documentName, type PackageName } from './composer/names.ts'
import type { Config } from './config.ts'
import { createAdvisoriesKnown } from './database/advisories-known.ts'
import type { Db } from './database/schema.ts'
import type { Digestion } from './digestion/digestion.ts'
import { AppError } from './errors.ts'
import type { Sha256 } from './events/types.ts'
import type { CurrentDocument } from './metadata/current.ts'
import { ifKnown } from './metadata/if-known.ts'
import type { NameLists } from './metadata/name-lists.ts'
import {
  type AdvisoriesOfOthers,
  createAdvisoriesOfOthers,
} from './private/answers/advisories-of-others.ts'
import {
  createAdvisoriesHere,
  type Known,
  type KnownByName,
} from './private/answers/advisories-here.ts'
import type { SnapshotStore } from './snapshots/store.ts'
import { addSeconds, type Instant } from './time-machine/instant.ts'

interface AdvisoriesParts extends Pick<Relays, 'askAdvisories'> {
  readonly config: Config
  readonly outside: { readonly now: () => Instant }
  readonly db: Db
  readonly digestion: Digestion
  readonly snapshots: SnapshotStore
  readonly current: CurrentDocument
  readonly nameLists: NameLists
  readonly allowance: Allowance
}

/** What upstream says of its packages' advisories, or what is known of that here. */
export function buildAdvisoriesOfOthers(parts: AdvisoriesParts): AdvisoriesOfOthers {
  const { config, outside, db, nameLists } = parts
  const { packagistUrl, proxyEnabled } = config
  const kept = createAdvisoriesKnown(db, packagistUrl)
  const inDocument = createInDocument(parts)
  return createAdvisoriesOfOthers({
    ...parts,
    ...outside,
    keep: kept.keep,
    known: createAdvisoriesHere({
      kept: kept.read,
      documents: async (names) => await documentsHere(names, { db, inDocument }),
      unlistedAmong: nameLists.lastUnlistedAmong,
    }),
    fromDocuments: async (names, client) =>
      await documentsNow(names, { ...parts, ...outside, client, inDocument }),
    host: proxyEnabled ? new URL(packagistUrl).host : undefined,
  })
}

interface RecordedDocument {
  readonly packageName: PackageName
  readonly sha256: Sha256
  readonly modifiedAt: Instant
}

/** JSON of a list; undefined: the document says nothing about advisories. */
type InDocument = (document: RecordedDocument) => Promise<string | undefined>

const memoryBytesMax = 16 * 1024 * 1024
/** What is kept beside a list. */
const entryBytes = 200

/** Most documents are asked about again and again, and most of them say `[]`. */
function createInDocument({
  config,
  snapshots,
  digestion,
}: Pick<AdvisoriesParts, 'config' | 'snapshots' | 'digestion'>): InDocument {
  const { host } = new URL(config.packagistUrl)
  const recent = new LRUCache<string, { readonly list: string | undefined }>({
    maxSize: memoryBytesMax,
    sizeCalculation: ({ list = '' }) => entryBytes + Buffer.byteLength(list),
  })
  return async ({ packageName, sha256, modifiedAt }) => {
    const key = `${packageName} ${sha256} ${modifiedAt}`
    const known = recent.get(key)
    if (known !== undefined) return known.list
    const source = { packageName, host, modifiedAt }
    const list = await digestion.digest('documentAdvisories', await snapshots.get(sha256), source)
    recent.set(key, { list })
    return list
  }
}

async function documentsHere(
  names: readonly PackageName[],
  { db, inDocument }: { readonly db: Db; readonly inDocument: InDocument },
): Promise<KnownByName> {
  const byDocument = new Map(names.map((name) => [documentName(name, 'tags'), name]))
  const rows = await readCurrentDocuments(db, [...byDocument.keys()])
  const rowsByName = new Map(rows.map((row) => [byDocument.get(row.document), row]))
  return await knownOf(names, async (packageName) => {
    const row = rowsByName.get(packageName)
    if (row === undefined || row.verified_at === null) return undefined
    const { sha256, served_last_modified: modifiedAt, verified_at: at } = row
    if (sha256 === null || modifiedAt === null) {
      return row.missing_since === null ? undefined : { advisories: undefined, at }
    }
    const advisories = await inDocument({ packageName, sha256, modifiedAt })
    return advisories === undefined ? undefined : { advisories, at }
  })
}

interface AskingForDocuments {
  readonly current: CurrentDocument
  readonly client: Client
  readonly now: () => Instant
  readonly inDocument: InDocument
}

async function documentsNow(
  names: readonly PackageName[],
  { current, client, now, inDocument }: AskingForDocuments,
): Promise<KnownByName> {
  return await knownOf(names, async (packageName) => {
    const asking = { client, canDoWithout: true }
    const document = documentName(packageName, 'tags')
    try {
      const answer = await ifKnown(async () => await current(document, asking))
      if (answer === undefined) return undefined
      const { sha256, lastModified: modifiedAt, staleSeconds = 0 } = answer
      const advisories = await inDocument({ packageName, sha256, modifiedAt })
      const at = addSeconds(now(), -staleSeconds)
      return advisories === undefined ? undefined : { advisories, at }
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'package_not_found') throw error
      return { advisories: undefined, at: now() }
    }
  })
}

/** Who waits for upstream's documents waits a quarter of a second for each of these at most; see metadata/current.ts. */
const atOnceMax = 50

async function knownOf(
  names: readonly PackageName[],
  find: (name: PackageName) => Promise<Known | undefined>,
): Promise<KnownByName> {
  const known = new Map<PackageName, Known>()
  for (let start = 0; start < names.length; start += atOnceMax) {
    const some = names.slice(start, start + atOnceMax)
    const found = await Promise.all(some.map(async (name) => [name, await find(name)] as const))
    for (const [name, each] of found) if (each !== undefined) known.set(name, each)
  }
  return known
}
