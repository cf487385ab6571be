import { isJsonObject } from '../../composer/minify.ts'
import type { RelayAnswer } from '../../upstream/relay.ts'
import { jsonOf, objectIn } from './json-answer.ts'
import type { NamesToMerge } from './merge-names.ts'
import type { OwnPackage } from './own-package.ts'
import type { ReservedVendors } from '../reserved.ts'

/** A page has no more of ours, and a search that finds more should be a narrower one. */
const resultsMax = 100

/** `search.json` with our packages on its first page, before upstream's. */
export function withOwnResults(
  answer: RelayAnswer | undefined,
  { own, query, reserved }: NamesToMerge,
): RelayAnswer {
  if (answer !== undefined && answer.status !== 200) return answer
  const found = own.filter((each) => isFound(each, query)).slice(0, resultsMax)
  const upstreams = answer === undefined ? {} : objectIn(answer)
  const isFirstPage = Number(query.get('page') ?? 1) <= 1
  const others = withoutReserved(upstreams['results'], reserved)
  const total = (Number(upstreams['total']) || 0) + found.length
  const results = [...(isFirstPage ? found.map(resultOf) : []), ...others]
  return jsonOf({ ...upstreams, results, total })
}

/** `providers/{package}.json` with ours that stand for it. */
export function withOwnProviders(
  answer: RelayAnswer | undefined,
  { own, reserved }: Pick<NamesToMerge, 'own' | 'reserved'>,
): RelayAnswer {
  if (answer !== undefined && answer.status !== 200) return answer
  const upstreams = answer === undefined ? {} : objectIn(answer)
  const others = withoutReserved(upstreams['providers'], reserved)
  const ours = own.map(({ packageName, description, type }) => {
    return { name: packageName, description, type }
  })
  return jsonOf({ ...upstreams, providers: [...ours, ...others] })
}

/** As Packagist does it: every word is somewhere in what is known of the package. */
function isFound(
  { packageName, description, keywords, type }: OwnPackage,
  query: URLSearchParams,
): boolean {
  const wantedType = query.get('type') ?? ''
  if (wantedType !== '' && wantedType !== type) return false
  const known = [packageName, description, ...keywords].join(' ').toLowerCase()
  const words = (query.get('q') ?? '').toLowerCase().split(/\s+/)
  return words.every((word) => known.includes(word))
}

function resultOf({ packageName, description, homepage, abandoned }: OwnPackage) {
  return {
    name: packageName,
    description,
    url: homepage,
    repository: '',
    downloads: 0,
    favers: 0,
    ...(abandoned !== false && { abandoned }),
  }
}

function withoutReserved(results: unknown, { has }: ReservedVendors): readonly unknown[] {
  const all: readonly unknown[] = Array.isArray(results) ? results : []
  return all.filter((result) => {
    const name = isJsonObject(result) ? result['name'] : undefined
    return typeof name === 'string' && !has(name.toLowerCase().split('/')[0] ?? '')
  })
}
