import { isJsonObject, type JsonObject } from '../../composer/minify.ts'
import { loweredAsPhpDoes } from '../../composer/names.ts'
import { noticesIn } from '../../composer/notices.ts'
import type { RelayAnswer } from '../../upstream/relay.ts'
import { answered, createIsOthers, isRefusal, jsonOf, othersIn, refusalOf } from './json-answer.ts'
import { matchesGlob } from '../../composer/vendor-patterns.ts'
import type { OwnPackage } from './own-package.ts'

export interface NamesToMerge {
  /** Those that the asker may read. */
  readonly own: readonly OwnPackage[]
  readonly query: string
  /** Vendors of which upstream may say nothing. */
  readonly reserved: readonly string[]
}

/**
 * `packages/list.json` with our names in it: those that fit `vendor`, `filter` and `type`.
 *
 * @param answer of upstream; undefined: there is none.
 */
export function withOwnNames(
  answer: RelayAnswer | undefined,
  { own, query: asked, reserved }: NamesToMerge,
): RelayAnswer {
  const query = new URLSearchParams(asked)
  if (isRefusal(answer)) return refusalOf(answer)
  const upstreams = answered(answer)
  const fitting = own.filter((each) => fits(each, query))
  const isOthers = createIsOthers(reserved)
  const fields = query.getAll('fields[]')
  if (fields.length > 0) {
    const ours = fitting.map((each) => [each.packageName, fieldsOf(each, fields)])
    const packages = { ...Object.fromEntries(ours), ...othersIn(upstreams['packages'], isOthers) }
    return jsonOf({ ...noticesIn(upstreams), packages })
  }
  const names: unknown = upstreams['packageNames']
  const others = Array.isArray(names) ? names.filter(isOthers) : []
  const ours = fitting.map(({ packageName }) => packageName)
  return jsonOf({ ...noticesIn(upstreams), packageNames: [...ours, ...others] })
}

export interface AdvisoriesToMerge {
  readonly own: readonly string[]
  /** Those that upstream was asked about; undefined: about all. */
  readonly asked: readonly string[] | undefined
  readonly reserved: readonly string[]
}

/**
 * Our names have no known advisories; upstream's about names of reserved vendors are about others. Composer gives up
 * when it gets any that it didn't ask about.
 */
export function withOwnAdvisories(
  answer: RelayAnswer | undefined,
  { own, asked, reserved }: AdvisoriesToMerge,
): RelayAnswer {
  if (isRefusal(answer)) return refusalOf(answer)
  const upstreams = answered(answer)
  const wanted = asked && new Set<unknown>(asked)
  const isOthers = createIsOthers(reserved)
  const isWanted = (name: unknown) => isOthers(name) && wanted?.has(name) !== false
  const named = Object.entries(othersIn(upstreams['advisories'], isWanted))
  const others = named.map(([name, all]) => [name, aboutPackage(name, all)])
  const ours = Object.fromEntries(own.map((name) => [name, []]))
  const advisories = { ...Object.fromEntries(others), ...ours }
  return jsonOf({ ...noticesIn(upstreams), advisories })
}

/** Each names its package once more; PHP writes a list with gaps as an object. */
function aboutPackage(name: string, advisories: unknown): readonly unknown[] {
  const all = isJsonObject(advisories) ? Object.values(advisories) : advisories
  if (!Array.isArray(all)) return []
  return all.filter((each: unknown) => {
    const { packageName = name } = isJsonObject(each) ? each : {}
    return typeof packageName === 'string' && loweredAsPhpDoes(packageName) === name
  })
}

function fits({ packageName, type }: OwnPackage, query: URLSearchParams): boolean {
  const vendor = query.get('vendor')?.toLowerCase()
  const wantedType = query.get('type') ?? ''
  if (vendor !== undefined && vendor !== '' && !packageName.startsWith(`${vendor}/`)) return false
  if (wantedType !== '' && wantedType !== type) return false
  return fitsGlob(packageName, query.get('filter')?.toLowerCase() ?? '')
}

function fitsGlob(name: string, glob: string): boolean {
  return glob === '' || matchesGlob(name, glob.slice(0, globLengthMax))
}

const globLengthMax = 200

function fieldsOf({ type, abandoned, homepage }: OwnPackage, fields: readonly string[]) {
  const all: JsonObject = { type, abandoned, repository: homepage }
  return Object.fromEntries(fields.map((field) => [field, all[field] ?? null]))
}
