import type { RelayAnswer } from '../../upstream/relay.ts'
import {
  type AdvisoriesToMerge,
  type NamesToMerge,
  withOwnAdvisories,
  withOwnNames,
} from './merge-names.ts'
import { type ResultsToMerge, withOwnProviders, withOwnResults } from './merge-results.ts'

/** What becomes of upstream's answer to a question, in a form that can be sent to another thread. */
export type Merging =
  | ({ readonly what: 'search' } & ResultsToMerge)
  | ({ readonly what: 'list' } & NamesToMerge)
  | ({ readonly what: 'providers' } & Pick<NamesToMerge, 'own' | 'reserved'>)
  | ({ readonly what: 'advisories' } & AdvisoriesToMerge)

/**
 * @param answer of upstream; undefined: there is none.
 * @throws DocumentUnreadable when it is no JSON object, or past a limit.
 */
export function mergeAnswer(answer: RelayAnswer | undefined, merging: Merging): RelayAnswer {
  switch (merging.what) {
    case 'search':
      return withOwnResults(answer, merging)
    case 'list':
      return withOwnNames(answer, merging)
    case 'providers':
      return withOwnProviders(answer, merging)
    case 'advisories':
      return withOwnAdvisories(answer, merging)
    default:
      return merging satisfies never
  }
}
