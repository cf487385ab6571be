/** What upstream sends of the package `name` in place of a good document, and what becomes of it. */
export interface HostileDocument {
  readonly title: string
  readonly body: (name: string) => string | Buffer
  readonly headers?: Readonly<Record<string, string>>
  /** The versions that are served of it; `refused`: it isn't taken, and the last good one goes on. */
  readonly served: readonly string[] | 'refused'
}

type Version = Readonly<Record<string, unknown>>

/** A version with all that Composer needs to install it. */
export function goodVersion(name: string, version: string): Version {
  return {
    name,
    version,
    version_normalized: `${version}.0`,
    type: 'library',
    source: { type: 'git', url: `https://git.example/${name}.git`, reference: 'f'.repeat(40) },
    dist: { type: 'zip', url: `https://git.example/${version}.zip`, reference: 'f'.repeat(40) },
  }
}

export function documentOf(name: string, versions: readonly Version[]): string {
  return JSON.stringify({ packages: { [name]: versions } })
}

/** One good version, 2.0.0, beside 2.1.0, which has `fields` over its own. */
function beside(fields: Version): HostileDocument['body'] {
  return (name) =>
    documentOf(name, [{ ...goodVersion(name, '2.1.0'), ...fields }, goodVersion(name, '2.0.0')])
}

/** The same, and the text of the whole document changed by `change`. */
function rewritten(fields: Version, change: (text: string) => string): HostileDocument['body'] {
  return (name) => change(String(beside(fields)(name)))
}

const many = <Item>(count: number, item: (index: number) => Item) =>
  Array.from({ length: count }, (_, index) => item(index))

/** Each version but the first is only what differs from the one before it. */
function minified(name: string, versions: readonly Version[]): string {
  return JSON.stringify({ minified: 'composer/2.0', packages: { [name]: versions } })
}

const digits = `1.0-beta${'1'.repeat(40)}`
const both = ['2.1.0', '2.0.0'] as const
const rest = ['2.0.0'] as const

const constraints: readonly HostileDocument[] = [
  {
    title: 'a constraint with 40 digits behind its stability',
    body: beside({ require: { 'acme/log': digits } }),
    served: both,
  },
  {
    title: 'a constraint with 40 digits and what makes it none',
    body: beside({ require: { 'acme/log': `${digits}!` } }),
    served: rest,
  },
  {
    title: 'a constraint of 20 KB that Composer can read',
    body: beside({ conflict: { 'acme/log': many(2_000, (n) => `<1.${n}`).join('|') } }),
    served: both,
  },
  {
    title: 'a constraint of more than 32 KB',
    body: beside({ require: { 'acme/log': '1.0|'.repeat(10_000) + '1.0' } }),
    served: rest,
  },
  {
    title: 'a version of more than 255 characters',
    body: beside({ version: `2.1.0-beta${'1'.repeat(300)}`, version_normalized: undefined }),
    served: rest,
  },
]

const names: readonly HostileDocument[] = [
  { title: 'a version of another package', body: beside({ name: 'acme/secret' }), served: rest },
  {
    title: 'a version of another package whose name looks the same',
    body: (name) => beside({ name: name.replace('k', '\u212A') })(name),
    served: rest,
  },
  {
    title: 'a version with its own name in upper case',
    body: (name) => beside({ name: name.toUpperCase() })(name),
    served: both,
  },
  {
    title: 'another package beside its own',
    body: (name) =>
      JSON.stringify({
        packages: {
          [name]: [goodVersion(name, '2.0.0')],
          'acme/secret': [goodVersion('acme/secret', '9.0.0')],
        },
      }),
    served: rest,
  },
]

const large: readonly HostileDocument[] = [
  {
    title: '2,000 versions that inherit 5,000 requirements',
    body(name) {
      const links = many(5_000, (n) => [`acme/p${n}`, '^1.0'] as const)
      const first = { ...goodVersion(name, '2.0.0'), require: Object.fromEntries(links) }
      const others = many(1_999, (n) => ({
        version: `1.${n}.0`,
        version_normalized: `1.${n}.0.0`,
      }))
      return minified(name, [first, ...others])
    },
    served: ['2.0.0', ...many(1_999, (n) => `1.${n}.0`)],
  },
  {
    title: '5,001 versions that inherit 20,000 keys',
    body(name) {
      const keys = Object.fromEntries(many(20_000, (n) => [`k${n}`, 0] as const))
      const others = many(5_000, (n) => ({
        version: `1.${n}.0`,
        version_normalized: `1.${n}.0.0`,
      }))
      return minified(name, [{ ...goodVersion(name, '2.0.0'), ...keys }, ...others])
    },
    served: 'refused',
  },
  {
    title: '2,000,000 keys',
    body(name) {
      const keys = many(2_000_000, (n) => `"k${n}":0`).join(',')
      return String(beside({ extra: {} })(name)).replace('"extra":{}', `"extra":{${keys}}`)
    },
    served: 'refused',
  },
  {
    title: 'arrays 20,000 deep',
    body: rewritten({ extra: 0 }, (text) => {
      return text.replace('"extra":0', `"extra":${'['.repeat(20_000)}${']'.repeat(20_000)}`)
    }),
    served: 'refused',
  },
]

const texts: readonly HostileDocument[] = [
  {
    title: 'half a surrogate pair in a text',
    body: rewritten({ description: 'half' }, (text) => text.replace('half', String.raw`\ud800`)),
    served: rest,
  },
  {
    title: 'half a surrogate pair in a key',
    body: rewritten({ extra: { half: 1 } }, (text) => text.replace('half', String.raw`\udc00`)),
    served: rest,
  },
  {
    title: 'bytes that are not UTF-8',
    body: (name) =>
      Buffer.concat([
        Buffer.from(String(beside({})(name)).slice(0, -1)),
        Buffer.from([0xff, 0x7d]),
      ]),
    served: 'refused',
  },
  { title: 'NUL in a version', body: beside({ version: '2.1.0\0' }), served: rest },
  {
    title: 'an escape sequence in a version',
    body: beside({ version: 'dev-\u001B[2J' }),
    served: rest,
  },
]

const source = (fields: Version): HostileDocument['body'] =>
  beside({ source: { type: 'git', url: 'https://git.example/x.git', reference: 'f', ...fields } })

const sources: readonly HostileDocument[] = [
  {
    title: 'a source by a transport that runs commands',
    body: source({ url: 'ext::sh -c id' }),
    served: rest,
  },
  {
    title: 'a source by a helper of git',
    body: source({ url: 'foo::https://a.example' }),
    served: rest,
  },
  { title: 'a source that is an option', body: source({ url: '--upload-pack=id' }), served: rest },
  {
    title: 'a source by ssh as scp writes it',
    body: source({ url: 'git@git.example:a/b.git' }),
    served: both,
  },
  {
    title: 'a reference that is an option',
    body: source({ reference: '--output=x' }),
    served: rest,
  },
  { title: 'a reference that leads up', body: source({ reference: '../../x' }), served: rest },
  {
    title: 'a normalized version that leads up',
    body: beside({ version_normalized: '../../2.1.0.0' }),
    served: rest,
  },
]

const dates: readonly HostileDocument[] = [
  {
    title: 'a date at the end of the year 9999',
    headers: { 'last-modified': 'Fri, 31 Dec 9999 23:59:59 GMT' },
    body: beside({}),
    served: both,
  },
  {
    title: 'a date before there were computers',
    headers: { 'last-modified': 'Mon, 01 Jan 0001 00:00:00 GMT' },
    body: beside({}),
    served: both,
  },
]

/** Everything that a document could do harm with, and that a single one shows. */
export const hostileDocuments: readonly HostileDocument[] = [
  ...constraints,
  ...names,
  ...large,
  ...texts,
  ...sources,
  ...dates,
]
