import { isIP } from 'node:net'
import { z } from 'zod'
import { PackageName } from './composer/names.ts'

export function isHost(text: string): boolean {
  return isIP(text) !== 0 || (text.length <= 253 && /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i.test(text))
}

export function isPostgresUrl(text: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(text) && URL.canParse(text)
}

export function token(): z.ZodType<string, string> {
  return z
    .string()
    .regex(/^[\x21-\x7e]{16,512}$/, 'must be 16 to 512 ASCII characters without spaces')
}

export function flag(): z.ZodType<boolean, string> {
  return z
    .string()
    .regex(/^(?:true|false|1|0|yes|no|on|off)$/i, 'must be true or false')
    .transform((text) => /^(?:true|1|yes|on)$/i.test(text))
}

export function wholeNumber(unit: string, min: number, max: number): z.ZodType<number, string> {
  const what = unit === '' ? 'a whole number' : `a whole number of ${unit}`
  return z
    .string()
    .refine((text) => {
      return /^\d{1,16}$/.test(text) && Number(text) >= min && Number(text) <= max
    }, `must be ${what} from ${min} to ${max}`)
    .transform(Number)
}

export function oneOf<const Values extends readonly string[]>(
  values: Values,
): z.ZodType<Values[number], string> {
  return z.enum(values, { error: `must be one of ${values.join(', ')}` })
}

export function someOf<const Values extends readonly string[]>(
  values: Values,
): z.ZodType<readonly Values[number][], string> {
  const message = `must be a comma-separated list of ${values.join(', ')}`
  return z
    .string()
    .transform((text) => text.split(',').map((item) => item.trim()))
    .pipe(z.array(z.enum(values, { error: message })))
}

export function webUrl(example: string): z.ZodType<string, string> {
  const message = `must be an http or https URL without credentials, query or fragment, like ${example}`
  return z
    .string()
    .refine(isWebUrl, message)
    .transform((text) => {
      const { origin, pathname } = new URL(text)
      return `${origin}${pathname.replace(/(?<!\/)\/+$/, '')}`
    })
}

/** As it is: those of chat services have what is secret in the path or the query. */
export function webhookUrl(): z.ZodType<string, string> {
  const message = 'must be an http or https URL without credentials and fragment'
  return z
    .string()
    .refine((text) => isWebUrl(text.replace(/^([^?]*)\?[^\s\p{Cc}\\#]*$/u, '$1')), message)
}

function isWebUrl(text: string): boolean {
  // The parser would mend spaces and backslashes silently: what is configured would not be what runs.
  if (!/^https?:\/\/[^\s\p{Cc}\\?#]+$/iu.test(text) || !URL.canParse(text)) return false
  const { username, password } = new URL(text)
  return username === '' && password === ''
}

/** Each becomes `<address>/<prefix>`. One of nothing but zeros would believe everybody. */
export function addressRangeList(): z.ZodType<readonly string[], string> {
  return z
    .string()
    .max(4000)
    .transform((text) => text.split(',').map((item) => asAddressRange(item.trim())))
    .refine(
      (ranges): ranges is string[] => ranges.every((range) => range !== undefined),
      'must be a comma-separated list of addresses or CIDR ranges, like 10.0.0.5,172.16.0.0/12,fd00::/8; ' +
        'a range of all addresses is none',
    )
}

function asAddressRange(text: string): string | undefined {
  const [, address = '', prefix] = /^([0-9a-f.:]{2,45})(?:\/(\d{1,3}))?$/i.exec(text) ?? []
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  const length = Number(prefix ?? bits)
  return length >= 1 && length <= bits ? `${address.toLowerCase()}/${length}` : undefined
}

/** Each becomes an origin; without a scheme it is https. */
export function originList(): z.ZodType<readonly string[], string> {
  const host = /^(?:https?:\/\/)?(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/
  return z
    .string()
    .transform((text) =>
      text
        .toLowerCase()
        .split(',')
        .map((item) => item.trim()),
    )
    .refine(
      (hosts) => hosts.every((item) => host.test(item) && URL.canParse(asUrl(item))),
      'must be a comma-separated list of host, host:port or scheme://host:port, like ' +
        'api.github.com,git.example.com:8443,http://git.intern:8080',
    )
    .transform((hosts) => hosts.map((item) => new URL(asUrl(item)).origin))
}

function asUrl(host: string): string {
  return /^https?:/.test(host) ? host : `https://${host}`
}

/** A pattern of nothing but `*` would reserve all of Packagist, so that nothing is left to proxy. */
export function vendorList(): z.ZodType<readonly string[], string> {
  const pattern = /^(?=.*[a-z0-9])[a-z0-9*]+(?:[_.-][a-z0-9*]+)*$/
  return z
    .string()
    .max(4000)
    .transform((text) =>
      text
        .toLowerCase()
        .split(',')
        .map((item) => item.trim()),
    )
    .refine(
      (patterns) => patterns.every((item) => item.length <= 100 && pattern.test(item)),
      'must be a comma-separated list of vendors, like acme,acme-*',
    )
}

export function packageList(): z.ZodType<readonly PackageName[], string> {
  return z
    .string()
    .max(20_000)
    .transform((text) =>
      text
        .toLowerCase()
        .split(',')
        .map((item) => item.trim()),
    )
    .refine(
      (names) => names.every((name) => PackageName.safeParse(name).success),
      'must be a comma-separated list of packages, like symfony/symfony,acme/log',
    )
    .transform((names) => names.map((name) => PackageName.parse(name)))
}
