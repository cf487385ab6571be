import * as assert from 'uvu/assert'
import { privatePackage } from '../../projections/private-package.ts'
import type { BlobStore } from '../../src/archives/blobs.ts'
import { expandVersions, type JsonObject } from '../../src/composer/minify.ts'
import { isBranch } from '../../src/composer/versions.ts'
import type { RecordedEvent, Sha256 } from '../../src/events/types.ts'
import { schemaOf } from '../../src/projector/projection.ts'
import { createSnapshotStore } from '../../src/snapshots/store.ts'
import type { ApiAnswer, ApiRequest } from './api.ts'
import { checkObjects, openBlobs } from './blobs.ts'
import { dumpSchema } from './dump.ts'
import { type Service, type ServiceOptions, startService } from './service.ts'
import { zip } from './zip.ts'

/** A zip of a package; the same bytes for the same arguments. */
export function packageZip(composerJson: unknown, content = 'one'): Buffer {
  const text = typeof composerJson === 'string' ? composerJson : JSON.stringify(composerJson)
  return zip([
    { path: 'composer.json', content: text },
    { path: 'src/Log.php', content: `<?php // ${content}` },
  ])
}

export interface Problem {
  readonly code: string
  readonly detail: string
}

export type Put = (
  path: string,
  body: Buffer,
  request?: ApiRequest,
) => Promise<ApiAnswer & { readonly problem: Problem; readonly version: PublishedAnswer }>

export interface PublishedAnswer {
  readonly package: string
  readonly version: string
  readonly versionNormalized: string
  readonly reference: string
  readonly shasum: string
  readonly sizeBytes: number
  readonly publishedAt: string
  readonly outcome: string
  readonly warnings: readonly string[]
}

/** @param path `acme/log/1.0.0`, with a query perhaps. */
export function putTo({ api }: Pick<Service, 'api'>): Put {
  return async (path, body, request = {}) => {
    const answer = await api('PUT', `/api/v1/packages/${path}`, { ...request, body })
    return {
      ...answer,
      problem: answer.body as Problem, // when it is one
      version: answer.body as PublishedAnswer, // when it is one
    }
  }
}

/** The service, with words for what is published. */
export interface Publishing extends Service {
  readonly put: Put
  readonly blobs: BlobStore
  /** Of a document, as an event names it: complete. */
  readonly versionsOf: (name: string, document: Sha256) => Promise<readonly JsonObject[]>
  /** The names of the versions in the newest document of tags, or of branches. */
  readonly served: (name: string, kind?: 'branches') => Promise<readonly unknown[]>
  readonly remove: (path: string, json?: object) => Promise<ApiAnswer>
  /** `version state` of all that was ever published. */
  readonly show: (name: string) => Promise<readonly string[]>
}

export async function openPublishing(options: ServiceOptions = {}): Promise<Publishing> {
  const service = await startService(options)
  const { database, api } = service
  const snapshots = createSnapshotStore(database.db)
  const { blobs } = await openBlobs(database)
  const versionsOf: Publishing['versionsOf'] = async (name, sha256) => {
    const document = JSON.parse((await snapshots.get(sha256)).toString()) as {
      readonly packages: Readonly<Record<string, readonly JsonObject[]>>
    }
    return expandVersions(document.packages[name] ?? [])
  }
  return {
    ...service,
    put: putTo(service),
    blobs,
    versionsOf,
    async served(name, kind) {
      const events = await publications(service)
      const last = events.findLast(({ data }) => {
        return (
          data.packageName === name && isBranch(data.versionNormalized) === (kind !== undefined)
        )
      })
      if (last === undefined) return []
      return (await versionsOf(name, last.data.documentSha256)).map(({ version }) => version)
    },
    remove: async (path, json = {}) => await api('DELETE', `/api/v1/packages/${path}`, { json }),
    async show(name) {
      const { body } = await api('GET', `/api/v1/packages/${name}`)
      const { versions } = body as { versions: readonly { version: string; state: string }[] }
      return versions.map(({ version, state }) => `${version} ${state}`)
    },
    async close() {
      await checkPublished(service)
      await service.close()
    },
  }
}

/** Events of packages of our own, the oldest first. */
export async function publications({
  events,
}: Pick<Service, 'events'>): Promise<
  readonly Extract<RecordedEvent, { type: 'PrivateVersionPublished' | 'PrivateVersionWithdrawn' }>[]
> {
  return (await events()).flatMap((event) =>
    event.type === 'PrivateVersionPublished' || event.type === 'PrivateVersionWithdrawn'
      ? [event]
      : [],
  )
}

/**
 * What must be true at every moment: each version that was ever published has its archive, each object
 * its row, and nothing waits to be checked.
 */
async function checkPublished(service: Service): Promise<void> {
  const { db } = service.database
  await checkObjects(db)
  const stored = await db.selectFrom('blob').select('sha256').execute()
  const precious = await db.selectFrom('precious_blob').select('sha256').execute()
  for (const event of await publications(service)) {
    if (event.type !== 'PrivateVersionPublished') continue
    for (const rows of [stored, precious]) {
      assert.ok(
        rows.some(({ sha256 }) => sha256 === event.data.sha256),
        `the archive of ${event.data.version} is there`,
      )
    }
  }
}

export async function dumpPrivate({ database }: Pick<Service, 'database'>): Promise<unknown> {
  return await dumpSchema(database.db, schemaOf(privatePackage))
}
