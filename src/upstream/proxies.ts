import type { Agent as HttpAgent } from 'node:http'
import type { Agent as HttpsAgent } from 'node:https'
import { HttpProxyAgent } from 'http-proxy-agent'
import { HttpsProxyAgent } from 'https-proxy-agent'

/** The URL of the proxy, http or https, that a URL is asked through; undefined: none, it is asked directly. */
export type ProxyFor = (url: URL) => string | undefined

export interface ProxyAgents {
  readonly http: HttpAgent
  readonly https: HttpsAgent
}

/**
 * Agents for each proxy, which share their connections. What has TLS goes through a tunnel (CONNECT), so the proxy sees
 * the host and nothing else; plain http is asked of the proxy itself.
 */
export function createProxyAgents(proxyFor: ProxyFor): (url: URL) => ProxyAgents | undefined {
  const known = new Map<string, ProxyAgents>()
  return (url) => {
    const proxy = proxyFor(url)
    if (proxy === undefined) return undefined
    const agents = known.get(proxy) ?? {
      http: new HttpProxyAgent(proxy, keepAlive),
      https: new HttpsProxyAgent(proxy, keepAlive),
    }
    known.set(proxy, agents)
    return agents
  }
}

const keepAlive = { keepAlive: true, maxFreeSockets: 10 }
