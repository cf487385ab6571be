import * as assert from 'uvu/assert'
import { expandVersions, type JsonObject } from '../../src/composer/minify.ts'
import { openPublishing, type Publishing } from './publishing.ts'
import { issueToken } from './tokens.ts'

export interface Reader {
  readonly headers: Readonly<Record<string, string>>
}

export interface OwnPackages extends Publishing {
  /** Whoever may read what is ours. */
  readonly reader: Reader
}

/** The service with the reserved vendor `own`. */
export async function openOwnPackages(): Promise<OwnPackages> {
  const service = await openPublishing({ settings: { PRIVATE_VENDORS: 'own' } })
  const { token } = await issueToken(service, { grants: [{ scope: 'read', vendors: ['own'] }] })
  return { ...service, reader: { headers: { authorization: `Bearer ${token}` } } }
}

/** The versions in a document, complete, for the reader. */
export async function versionsAt(
  { get, reader }: OwnPackages,
  path: string,
): Promise<readonly JsonObject[]> {
  const { statusCode, body } = await get(path, reader.headers)
  assert.is(statusCode, 200, `${path}: ${body.toString()}`)
  const { packages } = JSON.parse(body.toString()) as {
    packages: Readonly<Record<string, readonly JsonObject[]>>
  }
  return expandVersions(Object.values(packages)[0] ?? [])
}

/** Of its archive: what a lock file has of a version. */
export function referenceOf(version: JsonObject | undefined): unknown {
  return (version?.['dist'] as JsonObject | undefined)?.['reference']
}
