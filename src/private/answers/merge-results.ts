import { isJsonObject } from '../../composer/minify.ts'
import { noticesIn, printableJson } from '../../composer/notices.ts'
import type { RelayAnswer } from '../../upstream/relay.ts'
import { answered, createIsOthers, isRefusal, jsonOf, refusalOf } from './json-answer.ts'
import type { NamesToMerge } from './merge-names.ts'
import type { OwnPackage } from './own-package.ts'

/** A page has no more of ours, and a search that finds more should be a narrower one. */
const resultsMax = 100

export interface ResultsToMerge extends NamesToMerge {
  /** Where the page after this one is; left out when upstream has none. */
  readonly nextUrl: string | undefined
}

/** `search.json` with our packages on its first page, before upstream's. */
export function withOwnResults(
  answer: RelayAnswer | undefined,
  { own, query: asked, reserved, nextUrl }: ResultsToMerge,
): RelayAnswer {
  const query = new URLSearchParams(asked)
  if (isRefusal(answer)) return refusalOf(answer)
  const found = own.filter((each) => isFound(each, query)).slice(0, resultsMax)
  const upstreams = answered(answer)
  const isFirstPage = Number(query.get('page') ?? 1) <= 1
  const others = othersAmong(upstreams['results'], reserved)
  const total = (Number(upstreams['total']) || 0) + found.length
  const results = [...(isFirstPage ? found.map(resultOf) : []), ...others]
  const next = typeof upstreams['next'] === 'string' ? nextUrl : undefined
  return jsonOf({ ...noticesIn(upstreams), results, total, next })
}

/** `providers/{package}.json` with ours that stand for it. */
export function withOwnProviders(
  answer: RelayAnswer | undefined,
  { own, reserved }: Pick<NamesToMerge, 'own' | 'reserved'>,
): RelayAnswer {
  if (isRefusal(answer)) return refusalOf(answer)
  const upstreams = answered(answer)
  const others = othersAmong(upstreams['providers'], reserved)
  const ours = own.map(({ packageName, description, type }) => {
    return { name: packageName, description, type }
  })
  return jsonOf({ ...noticesIn(upstreams), providers: [...ours, ...others] })
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

/** What upstream says of packages, fit to be printed, but for those of reserved vendors. */
function othersAmong(results: unknown, reserved: readonly string[]): readonly unknown[] {
  const all: readonly unknown[] = Array.isArray(results) ? results : []
  const isOthers = createIsOthers(reserved)
  return all.filter((each) => isJsonObject(each) && isOthers(each['name'])).map(printableJson)
}
