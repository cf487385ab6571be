import { createDigestion } from '../../src/digestion/digestion.ts'
import type { AnswersOptions } from '../../src/private/answers/answers.ts'
import { createAskAdvisories } from '../../src/upstream/advisories.ts'

/** All the ways to put a question to an upstream that answers by this function. */
export function questionsTo(
  ask: AnswersOptions['ask'],
): Pick<AnswersOptions, 'ask' | 'askAdvisories' | 'digest'> {
  const { digest } = createDigestion()
  return { ask, askAdvisories: createAskAdvisories({ ask, digest }), digest }
}
