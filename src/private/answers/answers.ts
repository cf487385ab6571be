import { may, type Principal } from '../../access/principal.ts'
import { PackageName, vendorOf } from '../../composer/names.ts'
import type { Position } from '../../events/types.ts'
import type { RelayAnswer, RelayQuestion } from '../../upstream/relay.ts'
import { withoutReservedLists, withOwnAdvisories, withOwnNames } from './merge-names.ts'
import { withOwnProviders, withOwnResults } from './merge-results.ts'
import type { OwnPackage } from './own-package.ts'
import { namesReserved, type Reserved, type ReservedVendors } from '../reserved.ts'

/** Who asks, and as of which position; undefined: now. */
export interface Asker {
  readonly principal: Principal
  readonly position: Position | undefined
}

export interface AnswersOptions {
  /** undefined: upstream doesn't offer that. */
  readonly ask: (question: RelayQuestion) => Promise<RelayAnswer | undefined>
  readonly listing: (position: Position | undefined) => Promise<readonly OwnPackage[]>
  readonly reservedVendors: Reserved['reservedVendors']
}

/** JSON; `lastModified` as upstream has it. */
export type OwnAnswer = RelayAnswer

/**
 * What Composer asks beside metadata and archives, about our packages and upstream's together. What names a
 * reserved vendor is not passed on, and what upstream says about one is left out; of our own packages, an
 * answer has those that the asker may read.
 *
 * @throws AppError `upstream_unavailable` when upstream has to be asked and gives no answer of use.
 */
export interface Answers {
  readonly search: (query: URLSearchParams, asker: Asker) => Promise<OwnAnswer>
  readonly list: (query: URLSearchParams, asker: Asker) => Promise<OwnAnswer>
  readonly providers: (packageName: PackageName, asker: Asker) => Promise<OwnAnswer>
  /** @param form whether it came as one. */
  readonly advisories: (
    asked: { readonly query: URLSearchParams; readonly form: boolean },
    asker: Asker,
  ) => Promise<OwnAnswer>
  readonly lists: (ifModifiedSince: string | undefined) => Promise<OwnAnswer | undefined>
}

export function createAnswers(options: AnswersOptions): Answers {
  const { ask, listing, reservedVendors } = options

  async function readable({ principal, position }: Asker): Promise<readonly OwnPackage[]> {
    const all = await listing(position)
    return all.filter(({ packageName }) => may(principal, 'read', vendorOf(packageName)))
  }
  /** undefined: upstream doesn't offer it, or isn't asked because that would name a reserved vendor. */
  async function askAbout(
    endpoint: 'search' | 'list',
    query: URLSearchParams,
    reserved: ReservedVendors,
  ): Promise<RelayAnswer | undefined> {
    const isNaming = [...query].some((pair) => pair.some((text) => namesReserved(text, reserved)))
    return isNaming ? undefined : await ask({ endpoint, query })
  }

  return {
    async search(query, asker) {
      const reserved = await reservedVendors()
      const own = await readable(asker)
      return withOwnResults(await askAbout('search', query, reserved), { own, query, reserved })
    },
    async list(query, asker) {
      const reserved = await reservedVendors()
      const own = await readable(asker)
      return withOwnNames(await askAbout('list', query, reserved), { own, query, reserved })
    },
    async providers(packageName, asker) {
      const reserved = await reservedVendors()
      const own = (await readable(asker)).filter(({ provided }) => provided.includes(packageName))
      const isOurs = reserved.has(vendorOf(packageName))
      const query = new URLSearchParams()
      const answer = isOurs
        ? undefined
        : await ask({ endpoint: 'providersApi', query, packageName })
      return withOwnProviders(answer, { own, reserved })
    },
    async advisories({ query, form }, asker) {
      const reserved = await reservedVendors()
      const known = new Set<string>((await readable(asker)).map(({ packageName }) => packageName))
      const { ofOthers, ofOurs, isAboutOthers } = advisoriesAsked(query, reserved)
      const own = ofOurs.filter((name) => known.has(name))
      const answer = isAboutOthers ? await ask(advisoryQuestion(ofOthers, form)) : undefined
      return withOwnAdvisories(answer, { own, reserved })
    },
    async lists(ifModifiedSince) {
      const query = new URLSearchParams()
      const answer = await ask({ endpoint: 'filterSummary', query, ifModifiedSince })
      return answer && withoutReservedLists(answer, await reservedVendors())
    },
  }
}

interface AdvisoriesAsked {
  readonly ofOthers: URLSearchParams
  readonly ofOurs: readonly PackageName[]
  /** false: all that is asked is about names that are ours, or no names at all. */
  readonly isAboutOthers: boolean
}

/** What is passed on is written anew, from what is understood of it: names, and since when. */
function advisoriesAsked(query: URLSearchParams, { has }: ReservedVendors): AdvisoriesAsked {
  const ofOthers = new URLSearchParams()
  const ofOurs: PackageName[] = []
  let isNaming = false
  for (const [key, value] of query) {
    if (key === 'updatedSince' && /^\d{1,15}$/.test(value)) ofOthers.set(key, value)
    if (!/^packages(?:\[\d*\])?$/.test(key)) continue
    isNaming = true
    const text = value.toLowerCase().replace(/^pkg:(?:\/\/)?composer\//, '')
    const name = PackageName.safeParse(text).data
    if (name === undefined) continue
    if (has(vendorOf(name))) ofOurs.push(name)
    else ofOthers.append('packages[]', name)
  }
  return { ofOthers, ofOurs, isAboutOthers: !isNaming || ofOthers.size > 0 }
}

function advisoryQuestion(query: URLSearchParams, isForm: boolean): RelayQuestion {
  const endpoint = 'securityAdvisories'
  if (!isForm) return { endpoint, query }
  const form = { body: Buffer.from(query.toString()), type: 'application/x-www-form-urlencoded' }
  return { endpoint, query: new URLSearchParams(), form }
}
