import type { Policy } from '../../src/http/route.ts'

/** Everybody who may come along; a grant is for all vendors, or for the one that is named. */
export const principals = [
  'nobody',
  'a wrong token',
  'an expired token',
  'a revoked token',
  'METRICS_TOKEN',
  'read',
  'read acme',
  'read beta',
  'publish acme',
  'publish beta',
  'admin acme',
  'admin',
  'ADMIN_TOKEN',
] as const
export type PrincipalName = (typeof principals)[number]

/** `acme` is reserved, `beta` isn't; none: the route names no vendor. */
const vendors = ['acme', 'beta', 'none'] as const
export type VendorName = (typeof vendors)[number]

type Cell = '401' | '403' | 'pass'

const everybody = 'pass pass pass pass pass   pass pass pass   pass pass   pass pass pass'
const someReader = '401  401  401  401  401    pass pass pass   403  403    pass pass pass'
const administrator = '401  401  401  401  401    403  403  403    403  403    403  pass pass'

/**
 * Who may do what, one cell for each of `principals`: not from the code under test, but as it was decided.
 * With METRICS_TOKEN set.
 */
const table: Readonly<Record<Policy, Readonly<Record<VendorName, string>>>> = {
  open: { acme: everybody, beta: everybody, none: everybody },
  metrics: {
    acme: '',
    beta: '',
    none: '    401  401  401  401  pass   403  403  403    403  403    403  pass pass',
  },
  read: {
    acme: '    401  401  401  401  401    pass pass 403    403  403    pass pass pass',
    beta: everybody,
    none: everybody,
  },
  read_private: {
    acme: '    401  401  401  401  401    pass pass 403    403  403    pass pass pass',
    beta: '    401  401  401  401  401    pass 403  pass   403  403    403  pass pass',
    none: someReader,
  },
  publish: {
    acme: '    401  401  401  401  401    403  403  403    pass 403    pass pass pass',
    beta: '    401  401  401  401  401    403  403  403    403  pass   403  pass pass',
    none: '    401  401  401  401  401    403  403  403    pass pass   pass pass pass',
  },
  admin: {
    acme: '    401  401  401  401  401    403  403  403    403  403    pass pass pass',
    beta: administrator,
    none: administrator,
  },
}

const policies = Object.keys(table) as readonly Policy[] // the keys of the table

/** With PUBLIC_READ=false, what is public is for those who may read something. */
const readWithoutPublic: Readonly<Record<VendorName, string>> = {
  acme: table.read.acme,
  beta: someReader,
  none: someReader,
}

interface Situation {
  readonly policy: Policy
  readonly vendor: VendorName
  readonly publicRead: boolean
}

/** Every policy with every vendor that a route of it can have. */
export const situations: readonly Situation[] = policies.flatMap((policy) => {
  const possible = policy === 'metrics' ? (['none'] as const) : vendors
  return possible.flatMap((vendor) =>
    [true, false].map((publicRead) => ({ policy, vendor, publicRead })),
  )
})

/** @throws Error for what the table doesn't know. */
export function expectedCell(
  { policy, vendor, publicRead }: Situation,
  principal: PrincipalName,
): Cell {
  const row = policy === 'read' && !publicRead ? readWithoutPublic : table[policy]
  // As it is run: without types, a policy may lack its row.
  const cells = ((row as typeof row | undefined)?.[vendor] ?? '').trim().split(/\s+/)
  const cell = cells[principals.indexOf(principal)]
  if (cell === '401' || cell === '403' || cell === 'pass') return cell
  throw new Error(`test/support/access-table.ts does not say who may do ${policy} with ${vendor}`)
}
