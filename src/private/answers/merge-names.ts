import { isJsonObject, type JsonObject } from '../../composer/minify.ts'
import type { RelayAnswer } from '../../upstream/relay.ts'
import { jsonOf, objectIn } from './json-answer.ts'
import type { OwnPackage } from './own-package.ts'
import type { ReservedVendors } from '../reserved.ts'

export interface NamesToMerge {
  /** Those that the asker may read. */
  readonly own: readonly OwnPackage[]
  readonly query: URLSearchParams
  readonly reserved: ReservedVendors
}

/**
 * `packages/list.json` with our names in it: those that fit `vendor`, `filter` and `type`.
 *
 * @param answer of upstream; undefined: there is none.
 */
export function withOwnNames(
  answer: RelayAnswer | undefined,
  { own, query, reserved }: NamesToMerge,
): RelayAnswer {
  if (answer !== undefined && answer.status !== 200) return answer
  const fitting = own.filter((each) => fits(each, query))
  // All of Packagist are 400,000 names: what has nothing to be changed is passed on as it is.
  if (answer !== undefined && fitting.length === 0 && !mayName(answer, reserved)) return answer
  const upstreams = answer === undefined ? {} : objectIn(answer)
  const fields = query.getAll('fields[]')
  if (fields.length > 0) {
    const others = objectAt(upstreams, 'packages')
    const ours = fitting.map((each) => [each.packageName, fieldsOf(each, fields)])
    const packages = { ...Object.fromEntries(ours), ...withoutReserved(others, reserved) }
    return jsonOf({ ...upstreams, packages })
  }
  const names: unknown = upstreams['packageNames']
  const others = Array.isArray(names) ? names.filter((name) => !isReserved(name, reserved)) : []
  const ours = fitting.map(({ packageName }) => packageName)
  return jsonOf({ ...upstreams, packageNames: [...ours, ...others] })
}

/** PHP writes an object without keys as a list. */
function objectAt(object: JsonObject, key: string): JsonObject {
  const value = object[key]
  return isJsonObject(value) ? value : {}
}

/** Our names have no known advisories; upstream's about names of reserved vendors are about others. */
export function withOwnAdvisories(
  answer: RelayAnswer | undefined,
  { own, reserved }: { readonly own: readonly string[]; readonly reserved: ReservedVendors },
): RelayAnswer {
  if (answer !== undefined && answer.status !== 200) return answer
  if (answer !== undefined && own.length === 0 && !mayName(answer, reserved)) return answer
  const upstreams = answer === undefined ? {} : objectIn(answer)
  const named = objectAt(upstreams, 'advisories')
  const ours = Object.fromEntries(own.map((name) => [name, []]))
  return jsonOf({ ...upstreams, advisories: { ...withoutReserved(named, reserved), ...ours } })
}

/** The lists of malware, each without the names of reserved vendors: Composer would refuse our packages. */
export function withoutReservedLists(answer: RelayAnswer, reserved: ReservedVendors): RelayAnswer {
  if (answer.status !== 200 || !mayName(answer, reserved)) return answer
  const summary = objectIn(answer)
  const lists = Object.entries(objectAt(summary, 'filter')).map(([list, names]) => {
    return [list, isJsonObject(names) ? withoutReserved(names, reserved) : names] as const
  })
  const { lastModified } = answer
  return { ...jsonOf({ ...summary, filter: Object.fromEntries(lists) }), lastModified }
}

function fits({ packageName, type }: OwnPackage, query: URLSearchParams): boolean {
  const vendor = query.get('vendor')?.toLowerCase()
  const wantedType = query.get('type') ?? ''
  if (vendor !== undefined && vendor !== '' && !packageName.startsWith(`${vendor}/`)) return false
  if (wantedType !== '' && wantedType !== type) return false
  return matchesGlob(packageName, query.get('filter')?.toLowerCase() ?? '')
}

const globLengthMax = 200

/** By hand: patterns of many stars make a regular expression take for ever. */
function matchesGlob(name: string, glob: string): boolean {
  if (glob === '') return true
  const [first = '', ...others] = glob.slice(0, globLengthMax).split('*')
  const last = others.pop()
  if (last === undefined) return name === first
  if (!name.startsWith(first)) return false
  let from = first.length
  for (const part of others) {
    const at = name.indexOf(part, from)
    if (at === -1) return false
    from = at + part.length
  }
  return name.length - last.length >= from && name.endsWith(last)
}

function fieldsOf({ type, abandoned, homepage }: OwnPackage, fields: readonly string[]) {
  const all: JsonObject = { type, abandoned, repository: homepage }
  return Object.fromEntries(fields.map((field) => [field, all[field] ?? null]))
}

/** Whether a name of a reserved vendor may be in it: without reading it, unless patterns have stars. */
function mayName({ body }: RelayAnswer, { patterns }: ReservedVendors): boolean {
  return patterns.some((pattern) => {
    const [beginning = '', isPattern] = pattern.split('*')
    return (
      body.includes(isPattern === undefined ? `"${beginning}/` : `"${beginning}`) ||
      // A slash may be escaped in JSON, as PHP does.
      body.includes(`"${beginning}\\/`)
    )
  })
}

function isReserved(name: unknown, { has }: ReservedVendors): boolean {
  return typeof name === 'string' && has(name.toLowerCase().split('/')[0] ?? '')
}

function withoutReserved(byName: JsonObject, reserved: ReservedVendors): JsonObject {
  return Object.fromEntries(Object.entries(byName).filter(([name]) => !isReserved(name, reserved)))
}
