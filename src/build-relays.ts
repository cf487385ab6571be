import type { Config } from './config.ts'
import type { Digestion } from './digestion/digestion.ts'
import type { ReadEndpoints } from './metadata/endpoints.ts'
import type { AnswersOptions } from './private/answers/answers.ts'
import { alsoAt, createAddressGuard } from './upstream/address-guard.ts'
import { type AskAdvisories, createAskAdvisories } from './upstream/advisories.ts'
import type { Upstream } from './upstream/client.ts'
import { relayQuestion } from './upstream/relay.ts'
import { metadataTimeouts } from './upstream/timeouts.ts'

interface RelayParts {
  readonly config: Config
  readonly upstream: Upstream
  readonly digestion: Digestion
}

export interface Relays {
  /** Puts a question to upstream; undefined: it doesn't offer that. */
  readonly ask: AnswersOptions['ask']
  readonly askAdvisories: AskAdvisories
}

/** What upstream is asked beside metadata and archives. */
export function buildRelays(parts: RelayParts, endpoints: ReadEndpoints): Relays {
  const { config, upstream, digestion } = parts
  const { packagistUrl, proxyEnabled, upstreamTimeoutSeconds } = config
  const timeouts = metadataTimeouts(upstreamTimeoutSeconds * 1000)
  const ask: Relays['ask'] = async (question) => {
    if (!proxyEnabled) return undefined
    const template = (await endpoints())[question.endpoint]
    if (template === undefined) return undefined
    const guard = createAddressGuard(packagistUrl, alsoAt(template))
    const client = upstream.client({ guard, timeouts, kind: 'relays' })
    return await relayQuestion(client, template, question)
  }
  return { ask, askAdvisories: createAskAdvisories({ ask, ...digestion }) }
}
