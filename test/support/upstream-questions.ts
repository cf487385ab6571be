import type { Allowance } from '../../src/access/allowance.ts'
import { createDigestion } from '../../src/digestion/digestion.ts'
import { createAdvisoriesOfOthers } from '../../src/private/answers/advisories-of-others.ts'
import type { AnswersOptions } from '../../src/private/answers/answers.ts'
import { createAskAdvisories } from '../../src/upstream/advisories.ts'
import { createClock } from './clock.ts'

type Questions = Pick<
  AnswersOptions,
  'ask' | 'advisoriesOfOthers' | 'hasUpstream' | 'digest' | 'allowance'
>

/** All the ways to put a question to an upstream that answers by this function. Nothing of what it said is kept. */
export function questionsTo(ask: AnswersOptions['ask'], hasUpstream = true): Questions {
  const { digest } = createDigestion()
  const allowance: Allowance = { take: async () => ({ giveBack: () => undefined }) }
  const advisoriesOfOthers = createAdvisoriesOfOthers({
    askAdvisories: createAskAdvisories({ ask, digest }),
    allowance,
    keep: async () => undefined,
    known: async () => new Map(),
    fromDocuments: async () => new Map(),
    host: hasUpstream ? 'upstream.example' : undefined,
    now: createClock('2026-06-01T00:00:00Z').now,
  })
  return { ask, advisoriesOfOthers, hasUpstream, digest, allowance }
}
