import type { AdvisoriesRead } from '../../composer/advisories.ts'
import { loweredAsPhpDoes, PackageName } from '../../composer/names.ts'
import { AppError } from '../../errors.ts'
import type { RelayAnswer } from '../../upstream/relay.ts'
import type { Reserved, ReservedNames } from '../reserved.ts'
import type { AdvisoriesOfOthers } from './advisories-of-others.ts'
import type { Answers, Asker, OwnAnswer } from './answers.ts'
import type { Merging } from './merge.ts'
import type { OwnPackage } from './own-package.ts'

export interface AnswerAdvisoriesOptions {
  readonly advisoriesOfOthers: AdvisoriesOfOthers
  readonly hasUpstream: boolean
  readonly reservedNames: Reserved['reservedNames']
  readonly readable: (asker: Asker) => Promise<readonly OwnPackage[]>
  /** Asks upstream about more than names, at the expense of the client. */
  readonly ask: (question: URLSearchParams, asker: Asker) => Promise<RelayAnswer | undefined>
  readonly merged: (answer: RelayAnswer | undefined, merging: Merging) => Promise<OwnAnswer>
}

/** Our packages have no known advisories; those of others are upstream's to tell, all of them or none. */
export function createAnswerAdvisories(options: AnswerAdvisoriesOptions): Answers['advisories'] {
  const { reservedNames, readable, ask, merged, advisoriesOfOthers, hasUpstream } = options
  return async (query, asker) => {
    const asked = advisoriesAsked(query, await reservedNames())
    const known = new Set((await readable(asker)).map(({ packageName }) => packageName))
    const own = asked.ofOurs.filter((name) => known.has(name))
    if (asked.isNaming && asked.updatedSince === undefined) {
      const upstreams = await advisoriesOfOthers(asked.ofOthers, asker.client)
      // It may have taken long, and a vendor may have been claimed meanwhile.
      const { has } = await reservedNames()
      const others = [...upstreams.byName].filter(([name]) => !has(name))
      const ours = own.map((name) => [name, '[]'] as const)
      const answer = answerOf({ ...upstreams, byName: new Map([...others, ...ours]) })
      return { ...answer, staleSeconds: upstreams.staleSeconds }
    }
    const isAboutOthers = !asked.isNaming || asked.ofOthers.length > 0
    const answer = isAboutOthers ? await ask(questionOf(asked), asker) : undefined
    if (isAboutOthers && answer === undefined && hasUpstream) {
      const message = 'upstream answers no questions for advisories but of packages by name'
      throw new AppError('route_not_found', message)
    }
    const wanted = asked.isNaming ? asked.ofOthers : undefined
    const reserved = (await reservedNames()).patterns
    return await merged(answer, { what: 'advisories', own, asked: wanted, reserved })
  }
}

/** The lists are JSON already, perhaps megabytes of it. */
function answerOf({ byName, notices }: AdvisoriesRead): RelayAnswer {
  const lists = [...byName].map(([name, list]) => `${JSON.stringify(name)}:${list}`)
  const before = Object.entries(notices).map(
    ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`,
  )
  const text = `{${[...before, `"advisories":{${lists.join(',')}}`].join(',')}}`
  return { status: 200, body: Buffer.from(text) }
}

/** What is understood of a question for advisories: names, and since when. */
interface AdvisoriesAsked {
  readonly ofOthers: readonly PackageName[]
  readonly ofOurs: readonly PackageName[]
  /** false: about all names that there are. */
  readonly isNaming: boolean
  /** Seconds since 1970. */
  readonly updatedSince: string | undefined
}

/** Fifty times what a large project has. */
const namesMax = 10_000

/** @throws AppError `invalid_request` when there are too many. */
function advisoriesAsked(
  query: URLSearchParams,
  { has }: Pick<ReservedNames, 'has'>,
): AdvisoriesAsked {
  const names = new Set<PackageName>()
  let isNaming = false
  let updatedSince: string | undefined
  for (const [key, value] of query) {
    if (key === 'updatedSince' && /^\d{1,15}$/.test(value)) updatedSince = value
    if (!/^packages(?:\[\d*\])?$/.test(key)) continue
    isNaming = true
    const text = loweredAsPhpDoes(value).replace(/^pkg:(?:\/\/)?composer\//, '')
    const name = PackageName.safeParse(text).data
    if (name !== undefined) names.add(name)
  }
  if (names.size > namesMax) {
    throw new AppError('invalid_request', `ask for the advisories of ${namesMax} packages at most`)
  }
  const all = [...names]
  return {
    ofOthers: all.filter((name) => !has(name)),
    ofOurs: all.filter((name) => has(name)),
    isNaming,
    updatedSince,
  }
}

/** The question as it is passed on: written anew, from what was understood of it. */
function questionOf({ ofOthers, updatedSince }: AdvisoriesAsked): URLSearchParams {
  const question = new URLSearchParams(
    ofOthers.map((name): [string, string] => ['packages[]', name]),
  )
  if (updatedSince !== undefined) question.set('updatedSince', updatedSince)
  return question
}
