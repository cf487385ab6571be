import type { Principal } from './principal.ts'

/** Who asks, as far as allowances go: a token that counts, else an address. */
export interface Client {
  /**
   * The same for all requests of one client. undefined: the request came through a proxy that isn't trusted,
   * so its client can't be told from others, and no allowance goes by address.
   */
  readonly key: string | undefined
  /** Comes before those without one where something is shared. */
  readonly hasToken: boolean
}

/** The service itself: its jobs, and whatever else no request caused. */
export const ownWork: Client = { key: 'own work', hasToken: true }

/** @param address as http/client-addresses.ts has it; undefined: it can't be told. */
export function clientOf(principal: Principal, address: string | undefined): Client {
  if (principal.kind === 'anonymous') {
    const key = address === undefined ? undefined : `address ${address}`
    return { key, hasToken: false }
  }
  const key = principal.kind === 'token' ? `token ${principal.id}` : principal.kind
  return { key, hasToken: true }
}
