import type { IncomingHttpHeaders } from 'node:http'
import { type Client, clientOf } from '../access/client.ts'
import type { Identify } from '../access/identify.ts'
import type { TokenGuesses } from '../access/token-guesses.ts'
import { anonymous, may, mayWithSome, type Principal, type Scope } from '../access/principal.ts'
import { isTokenOf } from '../admin-token.ts'
import { type PackageName, parsePackageName } from '../composer/names.ts'
import { AppError } from '../errors.ts'
import type { IsReserved } from '../private/reserved.ts'
import { tokenIn } from './credentials.ts'
import type { Policy, Route } from './route.ts'

/** What is to be done, and with whose packages; undefined: with those of all vendors. */
export interface Access {
  readonly policy: Policy
  readonly surface: Route['surface']
  readonly vendor: string | undefined
  /** Of those the one that it is about, if that is known; undefined: as if it were about all of them. */
  readonly packageName: PackageName | undefined
}

/** Who asks, as far as the request says it. */
export interface Sender {
  readonly headers: IncomingHttpHeaders
  /** See client-addresses.ts. */
  readonly address: string | undefined
}

export interface Authorized {
  readonly principal: Principal
  readonly client: Client
  /** Not everybody would be answered: nobody else may be given this answer. */
  readonly isRestricted: boolean
}

/**
 * Who sends a request, when that one may do what is asked for.
 *
 * @throws AppError `unauthorized`, `forbidden`: the same for what is there and for what isn't.
 */
export type Authorize = (access: Access, sender: Sender) => Promise<Authorized>

export interface AuthorizeOptions {
  readonly identify: Identify
  /** SHA-256 in hex; undefined: metrics are for all, as long as there is nothing private. */
  readonly metricsDigest: string | undefined
  readonly isReserved: IsReserved
  /** Whether any vendor is reserved. */
  readonly isAnyReserved: () => Promise<boolean>
  /** Whether public packages are for everybody. */
  readonly publicRead: boolean
  readonly onRefused: () => void
  readonly guesses: Pick<TokenGuesses, 'finding'>
}

interface Shown {
  readonly access: Access
  readonly token: string | undefined
  readonly client: Client
}

/** Here and nowhere else it is decided who may ask; see `Policy` for what. */
export function createAuthorize(options: AuthorizeOptions): Authorize {
  const { identify, metricsDigest, onRefused, guesses } = options

  async function principalFor({ policy }: Access, token: string): Promise<Principal | undefined> {
    if (policy === 'metrics' && isTokenOf(token, metricsDigest)) return { kind: 'metrics' }
    return await identify(token)
  }
  async function findPrincipal({ access, token, client }: Shown): Promise<Principal | undefined> {
    if (token === undefined) return undefined
    return await guesses.finding({ token, client }, async () => await principalFor(access, token))
  }
  return async (access, { headers, address }) => {
    const authorized = (principal: Principal, isRestricted: boolean): Authorized => ({
      principal,
      client: clientOf(principal, address),
      isRestricted,
    })
    if (access.policy === 'open') return authorized(anonymous, false)
    const need = await needOf[access.policy](access, options)
    const token = tokenIn(headers)
    const client = clientOf(anonymous, address)
    // Also of what is for all: what else is in the answer may tell whether a token counts.
    const find = async () => await findPrincipal({ access, token, client })
    const principal = await (need === undefined ? find().catch(unlessUsedUp) : find())
    // A token that counts no more must not keep anybody from what is for all.
    if (need === undefined) return authorized(principal ?? anonymous, false)
    if (principal !== undefined && need.isMetBy(principal)) return authorized(principal, true)
    onRefused()
    throw principal === undefined ? unauthorized(access) : forbidden(need)
  }
}

/** Whoever would have to wait too long for a no is nobody in particular. */
function unlessUsedUp(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'allowance_used_up') return undefined
  throw error
}

/** What somebody must be allowed to. */
interface Need {
  readonly isMetBy: (principal: Principal) => boolean
  readonly scope: Scope
  readonly whose: string
}

type FindNeed = (
  about: Pick<Access, 'vendor' | 'packageName'>,
  options: AuthorizeOptions,
) => Need | undefined | Promise<Need | undefined>

/** undefined: nothing, it is for everybody. */
const needOf: Readonly<Record<Policy, FindNeed>> = {
  open: () => undefined,
  // Sizes and counts of what is private are among them.
  async metrics(_, { metricsDigest, isAnyReserved }) {
    return metricsDigest === undefined && !(await isAnyReserved()) ? undefined : toReadMetrics
  },
  async read({ vendor, packageName = vendor }, { isReserved, publicRead }) {
    if (packageName !== undefined && (await isReserved(packageName))) {
      return withVendor('read', vendor)
    }
    return publicRead ? undefined : withVendor('read', undefined)
  },
  read_private: ({ vendor }) => withVendor('read', vendor),
  publish: ({ vendor }) => withVendor('publish', vendor),
  admin: ({ vendor }) => (vendor === undefined ? toAdministerAll : withVendor('admin', vendor)),
}

/** @param vendor undefined: any one will do. */
function withVendor(scope: Scope, vendor: string | undefined): Need {
  if (vendor === undefined) {
    const isMetBy = (principal: Principal) => mayWithSome(principal, scope)
    return { isMetBy, scope, whose: 'any vendor' }
  }
  // What can't be a vendor isn't repeated: it may be anything.
  const whose = parsePackageName(vendor, 'any') === undefined ? 'this vendor' : vendor
  return { isMetBy: (principal) => may(principal, scope, vendor), scope, whose }
}

const toAdministerAll: Need = {
  isMetBy: (principal) => may(principal, 'admin', undefined),
  scope: 'admin',
  whose: 'all vendors',
}

const toReadMetrics: Need = {
  ...toAdministerAll,
  isMetBy: (principal) => principal.kind === 'metrics' || toAdministerAll.isMetBy(principal),
}

/** One sentence for every reason: what was nearly right is nobody's business. */
function unauthorized({ surface, policy }: Access): AppError {
  if (surface === 'composer') {
    return new AppError(
      'unauthorized',
      'a token is needed here, and one that counts: put it into auth.json under the name of this host ' +
        '(with its port, if the URL has one), as the password of `http-basic` with any user name, or ' +
        'as `bearer`',
    )
  }
  const token =
    policy === 'metrics'
      ? 'METRICS_TOKEN or the admin token'
      : 'a token that may do this, or the admin token: what ADMIN_TOKEN is set to, or else what the ' +
        'first start printed'
  return new AppError('unauthorized', `send the header \`Authorization: Bearer\` with ${token}`)
}

function forbidden({ scope, whose }: Need): AppError {
  return new AppError(
    'forbidden',
    `this token does not have the scope ${scope} for ${whose}: whoever administers Almanac can issue one ` +
      'that has it',
  )
}
