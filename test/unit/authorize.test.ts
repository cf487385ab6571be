import * as assert from 'uvu/assert'
import type { Principal } from '../../src/access/principal.ts'
import { digestOfToken } from '../../src/admin-token.ts'
import { PackageName, vendorOf } from '../../src/composer/names.ts'
import { matcherOf } from '../../src/composer/vendor-patterns.ts'
import { AppError } from '../../src/errors.ts'
import { createAuthorize } from '../../src/http/auth.ts'
import { statusOf } from '../../src/http/errors.ts'
import type { Policy } from '../../src/http/route.ts'
import { expectedCell, principals, situations } from '../support/access-table.ts'
import { authorization, metricsToken } from '../support/api.ts'
import { describe, rejection } from '../support/suite.ts'

/** The names of principals are their tokens here: `read acme` is `read-acme`. */
async function identify(text: string): Promise<Principal | undefined> {
  if (text === 'ADMIN_TOKEN') return { kind: 'admin' }
  const [scope, vendor] = text.split('-')
  if (scope !== 'read' && scope !== 'publish' && scope !== 'admin') return undefined
  return {
    kind: 'token',
    id: text,
    name: text,
    grants: [{ scope, ...(vendor && { vendors: [vendor] }) }],
  }
}

const isReserved = matcherOf(['acme', 'opened/ours'])

function open({ publicRead = true, identified = identify, metrics = true, isUsedUp = false } = {}) {
  const refused: string[] = []
  const wrong: string[] = []
  const authorize = createAuthorize({
    identify: identified,
    metricsDigest: metrics ? digestOfToken(metricsToken) : undefined,
    isAnyReserved: async () => false,
    isReserved: async (name) => isReserved(name),
    publicRead,
    onRefused: () => void refused.push('refused'),
    guesses: {
      async finding({ token, client }, find) {
        if (isUsedUp) throw new AppError('allowance_used_up', 'too many', { retryAfterSeconds: 5 })
        const found = await find()
        if (found === undefined) wrong.push(`${token} from ${client.key}`)
        return found
      },
    },
  })
  async function ask(policy: Policy, about: string | undefined, token: string | undefined) {
    const packageName = PackageName.safeParse(about).data
    const vendor = packageName === undefined ? about : vendorOf(packageName)
    const headers = token === undefined ? {} : { authorization: authorization(token, 'Basic') }
    const access = { policy, surface: 'api', vendor, packageName } as const
    return await authorize(access, { headers, address: '192.0.2.1' })
  }
  return { ask, refused, wrong }
}

async function cellOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked
    return 'pass'
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return String(statusOf(error.code).status)
  }
}

describe(
  'who may do what',
  async () => open(),
  (test) => {
    test('is as the table has it, for every policy, whether a route has it or not', async () => {
      for (const situation of situations) {
        const { policy, vendor, publicRead } = situation
        const { ask } = open({ publicRead })
        for (const principal of principals) {
          const token = principal === 'METRICS_TOKEN' ? metricsToken : principal
          const sent = principal === 'nobody' ? undefined : token.replace(' ', '-')
          const cell = await cellOf(ask(policy, vendor === 'none' ? undefined : vendor, sent))
          const expected = expectedCell(situation, principal)
          assert.is(cell, expected, `${policy} ${vendor}, ${principal}`)
        }
      }
    })

    test('of an opened vendor, only what stays reserved takes a token, or what may be that', async () => {
      const { ask } = open()
      assert.is((await ask('read', 'opened/log', undefined)).isRestricted, false)
      assert.is(await cellOf(ask('read', 'opened/ours', undefined)), '401')
      assert.is(await cellOf(ask('read', 'opened/ours', 'read-beta')), '403')
      assert.is((await ask('read', 'opened/ours', 'read-opened')).isRestricted, true)
      assert.is(await cellOf(ask('read', 'opened', undefined)), '401')
      assert.is(await cellOf(ask('read', 'acme/log', undefined)), '401')
      assert.is(await cellOf(ask('read_private', 'opened/log', undefined)), '401')
    })

    test('a handler learns who asks, also of what is for everybody', async ({ ask }) => {
      const { principal, isRestricted } = await ask('read', 'beta', 'publish-acme')
      assert.is(principal.kind, 'token')
      assert.is(isRestricted, false)
      assert.is((await ask('read', 'beta', 'nonsense')).principal.kind, 'anonymous')
      assert.is((await ask('read', 'acme', 'read-acme')).isRestricted, true)
      assert.is((await ask('metrics', undefined, metricsToken)).principal.kind, 'metrics')
      assert.is((await ask('admin', undefined, 'ADMIN_TOKEN')).isRestricted, true)
    })

    test('a client is whose token it shows, else its address', async ({ ask }) => {
      const known = { key: 'token read-acme', hasToken: true }
      assert.equal((await ask('read', 'acme', 'read-acme')).client, known)
      assert.equal((await ask('read', 'beta', 'read-acme')).client, known)
      const unknown = { key: 'address 192.0.2.1', hasToken: false }
      assert.equal((await ask('read', 'beta', undefined)).client, unknown)
      assert.equal((await ask('read', 'beta', 'nonsense')).client, unknown)
      const admin = { key: 'admin', hasToken: true }
      assert.equal((await ask('read', 'beta', 'ADMIN_TOKEN')).client, admin)
    })

    test('what is open is answered without a look at the token', async () => {
      const identified = async () => {
        throw new Error('was looked up')
      }
      const { principal } = await open({ identified }).ask('open', undefined, 'read')
      assert.is(principal.kind, 'anonymous')
    })

    test('not to be able to know is neither a yes nor a no', async () => {
      const identified = async () => {
        throw new Error('no database')
      }
      const { ask, refused } = open({ identified })
      for (const policy of ['metrics', 'read', 'read_private', 'publish', 'admin'] as const) {
        const error = await rejection(ask(policy, 'acme', 'read-acme'))
        assert.not.instance(error, AppError)
      }
      assert.equal(refused, [])
    })

    test('a token that does not count is a guess, also where none is needed', async () => {
      const { ask, wrong } = open()
      await ask('open', undefined, 'nonsense')
      await ask('read', 'beta', undefined)
      await ask('read', 'beta', 'read-acme')
      await ask('read', 'acme', 'read-acme')
      await rejection(ask('read', 'acme', undefined))
      await rejection(ask('read', 'acme', 'read-beta'))
      assert.equal(wrong, [])
      await ask('read', 'beta', 'wrong')
      await rejection(ask('read', 'acme', 'nonsense'))
      assert.equal(wrong, ['wrong from address 192.0.2.1', 'nonsense from address 192.0.2.1'])
    })

    test('one guess too many keeps nobody from what is for all', async () => {
      const { ask } = open({ isUsedUp: true })
      assert.is((await ask('read', 'beta', 'nonsense')).principal.kind, 'anonymous')
      assert.is(await cellOf(ask('read', 'acme', 'nonsense')), '503')
    })

    test('a vendor is named to who may not, unless it can not be one', async ({ ask }) => {
      const told = async (vendor: string) => String(await rejection(ask('admin', vendor, 'read')))
      assert.match(await told('acme'), 'for acme')
      assert.match(await told('\u001B[31m'), 'for this vendor')
    })
  },
)
