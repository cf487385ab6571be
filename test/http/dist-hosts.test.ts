import * as assert from 'uvu/assert'
import { distOf } from '../support/dist.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const name = 'acme/log'

/** The stub's archives under another name of this machine, as those of a forge in the operator's own network. */
async function openForge() {
  const service = await startService()
  const { upstream } = service
  const forge = upstream.url.replace('127.0.0.1', 'localhost')
  const { reference } = await distOf(service, name, '2.0.0')
  const document = await (await fetch(`${upstream.url}/p2/${name}.json`)).text()
  const match = new RegExp(`/p2/${name}.json`)
  upstream.fail({ match, mode: 'own-words', body: document.replaceAll(upstream.url, forge) })
  return {
    service,
    forge,
    archive: async () => {
      const path = `/dist-proxy/${name}/2.0.0.0/${reference}.zip`
      const { statusCode, body } = await service.get(path)
      return { statusCode, text: body.toString('utf8') }
    },
    close: service.close,
  }
}

describe('archives in the own network', openForge, (test) => {
  test('are refused unless the operator names their host, and the sentence says so', async ({
    forge,
    archive,
  }) => {
    const { statusCode, text } = await archive()
    assert.is(statusCode, 404)
    assert.match(text, `without https unless PROXY_DIST_HOSTS names ${forge}`)
  })

  test('are fetched when it is named with scheme and port', async ({ service, forge, archive }) => {
    await service.restart({ PROXY_DIST_HOSTS: `${forge},api.github.com` })
    assert.is((await archive()).statusCode, 200)
  })
})
