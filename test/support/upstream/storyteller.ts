import {
  adding,
  bothDocuments,
  type DocumentKind,
  type Flag,
  type History,
  secondsOf,
} from './history.ts'
import type { Advisory, ComposerFacts } from './packages.ts'

/** What tests let happen upstream. */
export interface Storyteller {
  /** A new version, of a new package perhaps. Returns its reference. */
  readonly publish: (name: string, version: string, facts?: ComposerFacts) => string
  /** The tag now names another commit: a new one, or one that it had before. Returns its reference. */
  readonly moveTag: (name: string, version: string, reference?: string) => string
  /** A new commit on a branch, which may be a new one. Returns its reference. */
  readonly pushCommit: (name: string, branch: string) => string
  readonly withdraw: (name: string, version: string) => void
  readonly abandon: (name: string, replacement: string) => void
  /**
   * Versions of the package become known malware, of one that isn't there perhaps. It is told in the
   * package's document and in the summary, unless it should be in one of them only.
   */
  readonly flagMalware: (name: string, constraint: string, onlyIn?: Flag['onlyIn']) => void
  /** They are on a list of another name. */
  readonly flag: (name: string, flag: Flag) => void
  /** They were none, after all: taken off all lists, in the document and the summary. */
  readonly clearMalware: (name: string) => void
  /** Another advisory in the package's document and the API. */
  readonly advise: (name: string, advisory: Advisory) => void
  /** It is shown no more. */
  readonly retract: (name: string, advisoryId: string) => void
  /** Both documents answer 404 from now on. */
  readonly deletePackage: (name: string) => void
  /**
   * The same bytes under a new Last-Modified: the clock's, unless one is given.
   *
   * @param document `vendor/name`, or `vendor/name~dev`.
   */
  readonly touch: (document: string, lastModified?: string) => void
}

/** @param tick moves the clock on by a second and returns it. */
export function storyteller(history: History, tick: () => number): Storyteller {
  const change = (name: string, shownIn: readonly DocumentKind[], apply: Apply): void => {
    history.change(name, { at: tick(), shownIn, apply })
  }
  const show = (name: string, label: string, kind: DocumentKind): string =>
    history.show({ name, label, kind, at: tick() })
  const changeFlags = (name: string, onlyIn: Flag['onlyIn'], apply: Apply): void => {
    const at = tick()
    history.change(name, {
      at,
      shownIn: onlyIn === 'summary' ? [] : ['tags'],
      apply(state) {
        if (onlyIn !== 'document') state.summaryModifiedAt = at
        apply(state)
      },
    })
  }
  const flag = (name: string, added: Flag): void =>
    changeFlags(name, added.onlyIn, (state) => state.flags.push(added))
  return {
    publish: (name, label, facts) => history.show({ name, label, kind: 'tags', at: tick(), facts }),
    moveTag: (name, label, reference) =>
      history.show({ name, label, kind: 'tags', at: tick(), reference }),
    pushCommit: (name, branch) => show(name, branch, 'dev'),
    withdraw: (name, version) => change(name, ['tags'], (state) => state.tags.delete(version)),
    abandon: (name, replacement) =>
      change(name, bothDocuments, (state) => (state.abandoned = replacement)),
    flag,
    flagMalware: (name, constraint, onlyIn) => flag(name, { list: 'malware', constraint, onlyIn }),
    clearMalware: (name) => changeFlags(name, undefined, (state) => state.flags.splice(0)),
    advise(name, advisory) {
      const at = tick()
      history.change(name, { at, shownIn: ['tags'], apply: adding(advisory, at) })
    },
    retract: (name, advisoryId) =>
      change(name, ['tags'], ({ advisories }) => {
        const found = advisories.findIndex((advisory) => advisory.advisoryId === advisoryId)
        if (found !== -1) advisories.splice(found, 1)
      }),
    deletePackage: (name) =>
      change(name, bothDocuments, (state) => {
        state.isDeleted = true
        state.tags.clear()
        state.branches.clear()
      }),
    touch(document, lastModified) {
      const [name = '', dev] = document.split('~')
      const kind = dev === undefined ? 'tags' : 'dev'
      const modifiedAt = lastModified === undefined ? undefined : secondsOf(lastModified)
      change(
        name,
        [kind],
        (state) => (state.modifiedAt[kind] = modifiedAt ?? state.modifiedAt[kind]),
      )
    },
  }
}

type Apply = Parameters<History['change']>[1]['apply']
