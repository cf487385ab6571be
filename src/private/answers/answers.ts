import type { Allowance } from '../../access/allowance.ts'
import type { Client } from '../../access/client.ts'
import { may, type Principal } from '../../access/principal.ts'
import { DocumentUnreadable } from '../../composer/document.ts'
import { type PackageName, vendorOf } from '../../composer/names.ts'
import type { Digest } from '../../digestion/digestion.ts'
import { AppError } from '../../errors.ts'
import type { Position } from '../../events/types.ts'
import type { RelayAnswer, RelayQuestion } from '../../upstream/relay.ts'
import type { AdvisoriesOfOthers } from './advisories-of-others.ts'
import { createAnswerAdvisories } from './advisories.ts'
import { mergeAnswer, type Merging } from './merge.ts'
import type { OwnPackage } from './own-package.ts'
import { questionForUpstream } from './questions.ts'
import type { Reserved } from '../reserved.ts'

/** Who asks, and as of which position; undefined: now. */
export interface Asker {
  readonly principal: Principal
  /** At whose expense upstream is asked. */
  readonly client: Client
  readonly position: Position | undefined
}

export interface AnswersOptions {
  /** undefined: upstream doesn't offer that. */
  readonly ask: (question: RelayQuestion) => Promise<RelayAnswer | undefined>
  readonly advisoriesOfOthers: AdvisoriesOfOthers
  /** false: there are no packages but ours. */
  readonly hasUpstream: boolean
  readonly allowance: Allowance
  readonly listing: (position: Position | undefined) => Promise<readonly OwnPackage[]>
  readonly reservedNames: Reserved['reservedNames']
  /** Where clients search. */
  readonly searchUrl: string
  readonly digest: Digest
}

/** JSON. */
export interface OwnAnswer extends RelayAnswer {
  /** How old it is, where it is of what is kept, since upstream doesn't answer. */
  readonly staleSeconds?: number | undefined
}

/**
 * What Composer asks beside metadata and archives, about our packages and upstream's together. What names a
 * reserved vendor is not passed on, and what upstream says about one is left out; of our own packages, an
 * answer has those that the asker may read.
 *
 * @throws AppError `upstream_unavailable` when upstream has to be asked and gives no answer of use,
 * `allowance_used_up` when the client has had it asked too often.
 */
export interface Answers {
  readonly search: (query: URLSearchParams, asker: Asker) => Promise<OwnAnswer>
  readonly list: (query: URLSearchParams, asker: Asker) => Promise<OwnAnswer>
  readonly providers: (packageName: PackageName, asker: Asker) => Promise<OwnAnswer>
  readonly advisories: (query: URLSearchParams, asker: Asker) => Promise<OwnAnswer>
}

export function createAnswers(options: AnswersOptions): Answers {
  const { reservedNames, searchUrl, digest } = options
  const ask = createAskFor(options)
  const merged = createMerge(digest)
  const reservedByNow = createReservedByNow(reservedNames)
  const readable = createReadable(options.listing)

  return {
    async search(query, asker) {
      const vendors = await reservedNames()
      const own = await readable(asker)
      const question = questionForUpstream('search', query, vendors)
      const answer = question && (await ask({ endpoint: 'search', query: question }, asker.client))
      // At a pin there is none: its URL would have to say the instant as the client did.
      const nextUrl = asker.position === undefined ? pageAfter(query, searchUrl) : undefined
      const asked = { own, query: query.toString(), reserved: await reservedByNow() }
      return await merged(answer, { what: 'search', ...asked, nextUrl })
    },
    async list(query, asker) {
      const vendors = await reservedNames()
      const own = await readable(asker)
      const question = questionForUpstream('list', query, vendors)
      const answer = question && (await ask({ endpoint: 'list', query: question }, asker.client))
      const asked = { own, query: query.toString(), reserved: await reservedByNow() }
      return await merged(answer, { what: 'list', ...asked })
    },
    async providers(packageName, asker) {
      const { has } = await reservedNames()
      const own = (await readable(asker)).filter(({ provided }) => provided.includes(packageName))
      const isOurs = has(packageName)
      const query = new URLSearchParams()
      const answer = isOurs
        ? undefined
        : await ask({ endpoint: 'providersApi', query, packageName }, asker.client)
      const reserved = await reservedByNow()
      return await merged(answer, { what: 'providers', own, reserved })
    },
    advisories: createAnswerAdvisories({
      ...options,
      ask: async (query, { client }) =>
        await ask({ endpoint: 'securityAdvisories', query }, client),
      merged,
      readable,
    }),
  }
}

function createAskFor({
  ask,
  allowance,
}: AnswersOptions): (question: RelayQuestion, client: Client) => Promise<RelayAnswer | undefined> {
  return async (question, client) => {
    await allowance.take(client)
    return await ask(question)
  }
}

function createReadable(
  listing: AnswersOptions['listing'],
): (asker: Asker) => Promise<readonly OwnPackage[]> {
  return async ({ principal, position }) => {
    const all = await listing(position)
    return all.filter(({ packageName }) => may(principal, 'read', vendorOf(packageName)))
  }
}

/** For when upstream has answered, which may have taken long: what it said may name who was claimed meanwhile. */
function createReservedByNow(
  reservedNames: Reserved['reservedNames'],
): () => Promise<readonly string[]> {
  return async () => (await reservedNames()).patterns
}

/** A list of all of Packagist is 13 MB: what is large is merged in another thread. */
function createMerge(
  digest: Digest,
): (answer: RelayAnswer | undefined, merging: Merging) => Promise<OwnAnswer> {
  return async (answer, merging) => {
    if (answer === undefined) return mergeAnswer(undefined, merging)
    const { status, body } = answer
    try {
      return await digest('answer', body, { status, ...merging })
    } catch (error) {
      if (!(error instanceof DocumentUnreadable)) throw error
      const message = 'upstream gave an answer that is no JSON object'
      throw new AppError('upstream_unavailable', message, { cause: error })
    }
  }
}

function pageAfter(query: URLSearchParams, searchUrl: string): string {
  const next = new URLSearchParams(query)
  next.set('page', String((Number(query.get('page')) || 1) + 1))
  return `${searchUrl}?${next.toString()}`
}
