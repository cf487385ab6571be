import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { got } from 'got'
import { z } from 'zod'
import { readFileAtRoot } from '../archives/zip/read-file.ts'
import { parseComposerJson } from '../composer/composer-json.ts'
import type { JsonObject } from '../composer/minify.ts'
import { PackageName } from '../composer/names.ts'
import { jsonOf, Refusal, refusalOf, unreachable } from './refusal.ts'

export interface PublishOrder {
  readonly packageName: string | undefined
  readonly version: string | undefined
  readonly publishedAt: string | undefined
  readonly claim: boolean
  readonly url: string
  readonly token: string
}

const Published = z.object({
  package: z.string(),
  version: z.string(),
  outcome: z.string(),
  reference: z.string(),
  warnings: z.array(z.string()).default([]),
})

/**
 * Publishes a zip.
 *
 * @returns a line that says what became of it, and what the server warns of.
 * @throws Refusal with the server's own words.
 */
export async function publish(
  zip: string,
  order: PublishOrder,
): Promise<{ readonly line: string; readonly warnings: readonly string[] }> {
  const { size: sizeBytes } = await stat(zip).catch(() => {
    throw new Refusal('there is no such file')
  })
  const { packageName, version } = await nameOf({ path: zip, sizeBytes }, order)
  const query = new URLSearchParams({
    ...(order.claim && { claim: 'true' }),
    ...(order.publishedAt !== undefined && { 'published-at': order.publishedAt }),
  })
  const under = `${packageName}/${encodeURIComponent(version)}?${query.toString()}`
  const answer = await got(`${order.url}/api/v1/packages/${under}`, {
    method: 'PUT',
    body: createReadStream(zip),
    headers: {
      authorization: `Bearer ${order.token}`,
      'content-type': 'application/zip',
      'content-length': String(sizeBytes),
    },
    throwHttpErrors: false,
    // The token is for this server only.
    followRedirect: false,
    retry: { limit: 0 },
    timeout: { connect: 10_000, secureConnect: 10_000, response: 600_000 },
  }).catch((error: unknown) => {
    throw unreachable(order.url, error)
  })
  const { data: published } = Published.safeParse(jsonOf(answer.body))
  if (answer.ok && published !== undefined) {
    const { outcome, reference, warnings } = published
    const line = `${published.package} ${published.version} ${outcome} sha256:${reference}`
    return { line, warnings }
  }
  throw refusalOf(order.url, answer.statusCode, answer.body)
}

/** @throws Refusal */
async function nameOf(
  zip: { readonly path: string; readonly sizeBytes: number },
  { packageName, version }: PublishOrder,
): Promise<{ readonly packageName: PackageName; readonly version: string }> {
  const isSaid = packageName !== undefined && version !== undefined
  // The server has the last word on what is in it.
  const own: JsonObject = isSaid ? {} : await composerJsonOf(zip)
  const name = PackageName.safeParse(packageName ?? own['name']).data
  if (name === undefined) {
    throw new Refusal('name the package: --package vendor/name, or `name` in its composer.json')
  }
  const asWritten = version ?? own['version']
  if (typeof asWritten === 'string' && asWritten !== '') {
    return { packageName: name, version: asWritten }
  }
  throw new Refusal('name the version: --version 1.2.0, or `version` in its composer.json')
}

const composerJsonBytesMax = 1024 * 1024

async function composerJsonOf(zip: {
  readonly path: string
  readonly sizeBytes: number
}): Promise<JsonObject> {
  const wanted = { name: 'composer.json', sizeBytesMax: composerJsonBytesMax }
  const found = await readFileAtRoot(zip, wanted)
  if (found.outcome === 'bad_zip') throw new Refusal(found.problem)
  if (found.outcome !== 'read') {
    throw new Refusal('a composer.json must be at its root, or in its single top directory')
  }
  const json = parseComposerJson(found.bytes)
  if (!json.ok) throw new Refusal(`of its composer.json: ${json.problem}`)
  return json.json
}
