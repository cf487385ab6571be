import { z } from 'zod'
import { vendorIn } from '../../composer/names.ts'
import { Reason } from '../../events/event-schema.ts'
import type { OpenVendor } from '../../private/open-vendor.ts'
import { endpoint } from '../endpoint.ts'
import type { ApiRoute } from '../route.ts'

const Vendor = z
  .string()
  .max(200)
  .refine((text) => vendorIn(`${text}/`) === text, 'must be a vendor, in lower case, like acme')

/** The vendor isn't in the path: what everybody installs changes with it, so it takes who may administer everything. */
export function openVendorRoute(openVendor: OpenVendor): ApiRoute {
  return endpoint({
    policy: 'admin',
    method: 'post',
    path: '/api/v1/proxy/open',
    id: 'openVendor',
    summary: 'Has public packages of a vendor served again, as one is that was claimed by mistake',
    description:
      'Every package that was ever published in it stays reserved, withdrawn or not. The next publication of ' +
      'another one reserves the whole vendor again. A vendor that is not reserved stays as it is.',
    body: z.strictObject({ vendor: Vendor, reason: Reason.optional() }),
    result: z.object({
      vendor: z.string(),
      reserved: z.array(z.string()).readonly().describe('The packages of it that stay reserved.'),
    }),
    errors: ['vendor_reserved'],
    async handle({ body: { vendor, reason }, actor, requestId }) {
      return { vendor, reserved: await openVendor({ vendor, reason, actor, requestId }) }
    },
  })
}
