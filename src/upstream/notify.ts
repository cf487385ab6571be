import type { PackageName } from '../composer/names.ts'
import { requestBody, type UpstreamClient } from './client.ts'

const answerSizeBytesMax = 64 * 1024

/**
 * Tells upstream what was installed, once, in the words of Composer.
 *
 * @throws UpstreamFailure, NotAsked
 */
export async function notifyUpstream(
  client: UpstreamClient,
  url: string,
  installs: readonly { readonly packageName: PackageName; readonly versionNormalized: string }[],
): Promise<void> {
  const downloads = installs.map(({ packageName, versionNormalized }) => {
    return { name: packageName, version: versionNormalized }
  })
  await requestBody(client, url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ downloads })),
    sizeBytesMax: answerSizeBytesMax,
  })
}
