import * as assert from 'uvu/assert'
import { expandVersions, type JsonObject } from '../../src/composer/minify.ts'
import {
  documentOf,
  goodVersion,
  type HostileDocument,
  hostileDocuments,
} from '../support/hostile-documents.ts'
import { type Service, startService } from '../support/service.ts'
import { describe, eventually } from '../support/suite.ts'

const ttlSeconds = 3600

async function servedVersions(service: Service, name: string): Promise<readonly unknown[]> {
  const { statusCode, body } = await service.get(`/p2/${name}.json`)
  assert.is(statusCode, 200, body.toString().slice(0, 300))
  const { packages, minified } = JSON.parse(body.toString()) as {
    readonly packages: Readonly<Record<string, readonly JsonObject[]>>
    readonly minified?: string
  }
  assert.equal(Object.keys(packages), [name], 'and of no other package')
  const versions = packages[name] ?? []
  const whole = minified === undefined ? versions : expandVersions(versions)
  return whole.map(({ version }) => version)
}

/** What upstream says of a package from now on; the time to live of what it said before is over. */
function say(
  { upstream, clock }: Service,
  name: string,
  said: { readonly body: string | Buffer; readonly headers?: Readonly<Record<string, string>> },
): void {
  upstream.fail({ match: new RegExp(`^/p2/${name}\\.json`), mode: 'own-words', ...said })
  clock.advance(ttlSeconds)
}

/** A client waits two seconds for upstream, and is then given what is here: large ones may take longer. */
async function isServed(
  service: Service,
  name: string,
  versions: readonly string[],
): Promise<void> {
  await eventually(`${versions.length} versions are served`, async () => {
    assert.equal(await servedVersions(service, name), versions)
    return true
  })
}

async function isRefused(service: Service, name: string): Promise<boolean> {
  const events = await service.events()
  return events.some(({ type, stream }) => {
    return type === 'MetadataFetchFailed' && stream === `document-${name}`
  })
}

async function check(
  service: Service,
  name: string,
  { body, headers, served }: HostileDocument,
): Promise<void> {
  say(service, name, { body: documentOf(name, [goodVersion(name, '1.0.0')]) })
  await isServed(service, name, ['1.0.0'])
  say(service, name, { body: body(name), ...(headers && { headers }) })
  if (served === 'refused') {
    await isServed(service, name, ['1.0.0'])
    await eventually('it is recorded as refused', async () => await isRefused(service, name))
    await isServed(service, name, ['1.0.0'])
  } else {
    await isServed(service, name, served)
    assert.not(await isRefused(service, name))
  }
  say(service, name, { body: documentOf(name, [goodVersion(name, '3.0.0')]) })
  await isServed(service, name, ['3.0.0'])
  assert.is((await service.get('/readyz')).statusCode, 200, 'no read model has stopped')
}

describe('hostile documents', startService, (test) => {
  for (const [index, document] of hostileDocuments.entries()) {
    test(document.title, async (service) => {
      await check(service, `pub/k${index}`, document)
    })
  }
})
