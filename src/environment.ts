import { readFile } from 'node:fs/promises'
import { getProxyForUrl } from 'proxy-from-env'
import { errorCode } from './database/embedded/error-code.ts'
import { StartupError } from './errors.ts'
import type { ProxyFor } from './upstream/proxies.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The settings with what AUTH_FILE names in the place of PROXY_UPSTREAM_AUTH: a file isn't seen in a list of processes.
 *
 * @throws StartupError
 */
export async function withAuthFile(env: Environment): Promise<Environment> {
  const { AUTH_FILE: file = '', PROXY_UPSTREAM_AUTH: auth = '' } = env
  if (file === '') return env
  if (auth !== '') {
    throw new StartupError('AUTH_FILE and PROXY_UPSTREAM_AUTH are both set; unset one.')
  }
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new StartupError(`AUTH_FILE can't be read (${errorCode(error) ?? 'unknown reason'}).`)
  })
  return { ...env, PROXY_UPSTREAM_AUTH: text }
}

const proxyNames = ['http_proxy', 'https_proxy', 'all_proxy']

/**
 * The proxies that the environment names, as curl understands it: without a scheme, http. NO_PROXY is the library's.
 *
 * @param env is changed, since the library reads it by itself.
 * @throws StartupError
 */
export function proxiesIn(env: NodeJS.ProcessEnv): ProxyFor {
  for (const name of proxyNames.flatMap((lower) => [lower, lower.toUpperCase()])) {
    const value = env[name] ?? ''
    if (value === '') continue
    const url = value.includes('://') ? value : `http://${value}`
    if (!/^https?:\/\/[^\s\p{Cc}\\]+$/iu.test(url) || !URL.canParse(url)) {
      throw new StartupError(
        `${name} must be an http or https URL like http://user:password@proxy.example.com:3128.`,
      )
    }
    env[name] = url
  }
  return ({ href }) => getProxyForUrl(href) || undefined
}
