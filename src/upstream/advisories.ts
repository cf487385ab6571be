import { type AdvisoriesRead, inQuestions } from '../composer/advisories.ts'
import { DocumentUnreadable } from '../composer/document.ts'
import type { PackageName } from '../composer/names.ts'
import type { Digest } from '../digestion/digestion.ts'
import { AppError } from '../errors.ts'
import type { RelayAnswer, RelayQuestion } from './relay.ts'

/**
 * What upstream says about packages now, all of it in full records. Those that it doesn't have are left out.
 *
 * @param names none of them reserved.
 * @returns undefined when upstream offers no such thing.
 * @throws AppError `upstream_unavailable` when there is no whole answer.
 */
export type AskAdvisories = (names: readonly PackageName[]) => Promise<AdvisoriesRead | undefined>

const type = 'application/x-www-form-urlencoded'

/** @param options.ask undefined: upstream doesn't offer that. */
export function createAskAdvisories(options: {
  readonly ask: (question: RelayQuestion) => Promise<RelayAnswer | undefined>
  readonly digest: Digest
}): AskAdvisories {
  async function askSome(names: readonly PackageName[]): Promise<AdvisoriesRead | undefined> {
    const body = Buffer.from(formOf(names).toString())
    const query = new URLSearchParams()
    const question = { endpoint: 'securityAdvisories', query, form: { body, type } } as const
    const answer = await options.ask(question)
    if (answer === undefined) return undefined
    if (answer.status !== 200) throw noAnswer(new Error(`status ${answer.status}`))
    try {
      return await options.digest('advisories', answer.body, names)
    } catch (error) {
      throw error instanceof DocumentUnreadable ? noAnswer(error) : error
    }
  }
  return async (names) => {
    const parts = await Promise.all(inQuestions(names).map(askSome))
    const answers = parts.flatMap((part) => (part === undefined ? [] : [part]))
    if (answers.length < parts.length) return undefined
    const byName = new Map(answers.flatMap((answer) => [...answer.byName]))
    return { byName, notices: answers[0]?.notices ?? {} }
  }
}

function noAnswer(cause: Error): AppError {
  const message = 'upstream gave no answer of use to the question for advisories'
  return new AppError('upstream_unavailable', message, { cause })
}

function formOf(names: readonly PackageName[]): URLSearchParams {
  return new URLSearchParams(names.map((name): [string, string] => ['packages[]', name]))
}
