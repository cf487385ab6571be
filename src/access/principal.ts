import type { Grant } from '../events/token-types.ts'

export type Scope = Grant['scope']

/** Who asks. */
export type Principal =
  | { readonly kind: 'anonymous' }
  /** Has shown METRICS_TOKEN. */
  | { readonly kind: 'metrics' }
  /** Has shown the admin token. */
  | { readonly kind: 'admin' }
  | {
      readonly kind: 'token'
      readonly id: string
      /** What it is for, in somebody's words. */
      readonly name: string
      readonly grants: readonly Grant[]
    }

export const anonymous: Principal = { kind: 'anonymous' }

/** Whether somebody may do this with the packages of a vendor; `undefined`: with those of all vendors. */
export function may(principal: Principal, scope: Scope, vendor: string | undefined): boolean {
  if (principal.kind !== 'token') return principal.kind === 'admin'
  return principal.grants.some(({ scope: granted, vendors }) => {
    if (granted !== scope && granted !== 'admin') return false
    return vendors === undefined || (vendor !== undefined && vendors.includes(vendor))
  })
}

/** Whether somebody may do this with the packages of any vendor at all. */
export function mayWithSome(principal: Principal, scope: Scope): boolean {
  if (principal.kind !== 'token') return principal.kind === 'admin'
  return principal.grants.some(({ scope: granted }) => granted === scope || granted === 'admin')
}

/** As it is written into events and the audit trail. */
export function actorOf(principal: Principal): string {
  return principal.kind === 'token' ? `token ${principal.id}` : principal.kind
}

/** Of a token that was issued; undefined: it is none of these. */
export function nameOf(principal: Principal): string | undefined {
  return principal.kind === 'token' ? principal.name : undefined
}

/** Of an actor, as above; undefined: it is no token that was issued. */
export function tokenIdIn(actor: string): string | undefined {
  return /^token ([0-9a-f-]{36})$/.exec(actor)?.[1]
}
