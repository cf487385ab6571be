import { matcherOf } from '../composer/vendor-patterns.ts'
import { AppError } from '../errors.ts'
import type { EventLog } from '../events/log.ts'
import { type DomainEvent, type Position, vendorStream } from '../events/types.ts'
import { decideOnStream } from '../package-decisions.ts'

type VendorOpened = Extract<DomainEvent, { readonly type: 'VendorOpened' }>['data']

/**
 * Has public packages of a vendor served again that publications had reserved, as one is that was claimed by mistake.
 * What was ever published in it stays reserved, withdrawn or not. A vendor that isn't reserved stays as it is.
 *
 * @returns the packages that stay reserved.
 * @throws AppError `vendor_reserved` when the settings reserve it.
 */
export type OpenVendor = (request: VendorOpened) => Promise<readonly string[]>

export interface OpenVendorOptions {
  /** From PRIVATE_VENDORS. */
  readonly patterns: readonly string[]
  /** What publications reserve: a vendor, or packages of one that was opened. */
  readonly published: () => Promise<readonly string[]>
  readonly log: EventLog
  /** Resolves once the read models have everything up to `position`. */
  readonly until: (position: Position) => Promise<void>
}

export function createOpenVendor(options: OpenVendorOptions): OpenVendor {
  const { patterns, published, log, until } = options
  const isSet = matcherOf(patterns)
  return async (request) => {
    const { vendor } = request
    if (isSet(vendor)) {
      const message = `PRIVATE_VENDORS reserves ${vendor}: take it out of there first, on every node`
      throw new AppError('vendor_reserved', message)
    }
    await decideOnStream({ log, until, stream: vendorStream(vendor) }, async () => {
      await until(await log.head())
      if (!(await published()).includes(vendor)) return undefined
      return { type: 'VendorOpened', data: request }
    })
    return (await published()).filter((name) => name.startsWith(`${vendor}/`))
  }
}
