import { LRUCache } from 'lru-cache'
import { type PackageName, packageOfDocument } from '../composer/names.ts'
import { changesAnswers } from '../events/concerns.ts'
import type { RecordedEvent } from '../events/types.ts'
import { addSeconds, type Instant } from '../time-machine/instant.ts'

/** Answers of read models that are kept in memory until an event may have changed them. */
export interface KeptAnswers {
  /**
   * The same question, answered from memory when it was answered before. What isn't there, or throws, is
   * asked for again each time.
   */
  readonly keeping: <Question extends AboutPackage, Given extends object>(
    ask: (question: Question) => Promise<Given | undefined>,
    keyOf: (question: Question) => string,
  ) => (question: Question) => Promise<Given | undefined>
  /** The same for a question of which there is one, and which is about no package in particular. */
  readonly keepingOne: <Given>(ask: () => Promise<Given>) => () => Promise<Given>
  /** Of what is made of several answers: all of it is forgotten with any event. */
  readonly keepingWhole: <Given>() => KeptWhole<Given>
  /**
   * To be called when a read model shows these events, each time one more of them does; undefined: which
   * events isn't known.
   */
  readonly forget: (events: readonly RecordedEvent[] | undefined) => void
}

export interface KeptWhole<Given> {
  readonly get: (key: string) => Given | undefined
  /** To be called before the first question is asked; what it returns keeps what was made. */
  readonly begin: () => (key: string, given: Given) => void
}

interface AboutPackage {
  readonly packageName: PackageName
}

/** Of each kind; an answer takes some hundred bytes. */
const packagesMax = 2_000
const answersPerPackageMax = 100
const wholeMax = 1_000
/**
 * A node whose read models are stopped, or that doesn't reach the database, hears of no events: for longer than this
 * it gives nothing from memory, and asks instead. So what was appended is known everywhere when twice as long has passed.
 */
const unheardMsMax = 1_000
const keptMsMax = 900
const wholeSecondsMax = 1

export interface KeptAnswersOptions {
  readonly now: () => Instant
  /** See Projector. */
  readonly shownUntilMs: () => number
}

export function createKeptAnswers({ now, shownUntilMs }: KeptAnswersOptions): KeptAnswers {
  const hears = (): boolean => performance.now() - shownUntilMs() < unheardMsMax
  const forgetting: ((packageName: PackageName | undefined) => void)[] = []
  let forgotten = 0

  function keeping<Question extends AboutPackage, Given extends object>(
    ask: (question: Question) => Promise<Given | undefined>,
    keyOf: (question: Question) => string,
  ): (question: Question) => Promise<Given | undefined> {
    // By package, since that is what is forgotten at once.
    const cache = new LRUCache<PackageName, Map<string, Given>>({
      max: packagesMax,
      ttl: keptMsMax,
    })
    forgetting.push((packageName) => {
      if (packageName === undefined) cache.clear()
      else cache.delete(packageName)
    })
    return async (question) => {
      const { packageName } = question
      const key = keyOf(question)
      const kept = cache.get(packageName)?.get(key)
      if (kept !== undefined && hears()) return kept
      const before = forgotten
      const start = performance.now()
      const given = await ask(question)
      // Otherwise it may be from before what was to be forgotten meanwhile.
      if (given !== undefined && before === forgotten) {
        const ofPackage = cache.get(packageName) ?? new Map<string, Given>()
        if (ofPackage.size < answersPerPackageMax) ofPackage.set(key, given)
        if (!cache.has(packageName)) cache.set(packageName, ofPackage, { start })
      }
      return given
    }
  }

  function keepingOne<Given>(ask: () => Promise<Given>): () => Promise<Given> {
    let kept: { given: Given; atMs: number; forgotten: number } | undefined
    return async () => {
      const isFresh = kept?.forgotten === forgotten && performance.now() - kept.atMs < keptMsMax
      if (kept !== undefined && isFresh && hears()) return kept.given
      const before = forgotten
      const atMs = performance.now()
      const given = await ask()
      kept = { given, atMs, forgotten: before }
      return given
    }
  }

  return {
    keeping,
    keepingOne,
    keepingWhole: <Given>() => {
      const { clear, ...whole } = createKeptWhole<Given>({ now, hears, forgotten: () => forgotten })
      forgetting.push(clear)
      return whole
    },
    forget(events) {
      const names = events?.filter(({ type }) => changesAnswers(type)).map(packageOf) ?? [undefined]
      if (names.length === 0) return
      forgotten += 1
      for (const forgetIn of forgetting) for (const name of new Set(names)) forgetIn(name)
    },
  }
}

interface KeptWholeOptions {
  readonly now: () => Instant
  /** Whether what was appended a moment ago is known here. */
  readonly hears: () => boolean
  /** How many times something was forgotten. */
  readonly forgotten: () => number
}

function createKeptWhole<Given>({
  now,
  hears,
  forgotten,
}: KeptWholeOptions): KeptWhole<Given> & { readonly clear: () => void } {
  const kept = new Map<string, { readonly given: Given; readonly until: Instant }>()
  const clear = () => kept.clear()
  return {
    clear,
    get(key) {
      const found = kept.get(key)
      return found !== undefined && now() <= found.until && hears() ? found.given : undefined
    },
    begin() {
      const until = addSeconds(now(), wholeSecondsMax)
      const before = forgotten()
      return (key, given) => {
        if (before !== forgotten() || kept.size === wholeMax) return
        // What nobody asks for again must not stay in memory.
        if (kept.size === 0) setTimeout(clear, wholeSecondsMax * 1000).unref()
        kept.set(key, { given, until })
      }
    },
  }
}

/** undefined: not of one package. Such is a list of malware, which is a document of upstream's. */
function packageOf({ data }: RecordedEvent): PackageName | undefined {
  if ('packageName' in data) return data.packageName
  return 'document' in data ? packageOfDocument(data.document)?.packageName : undefined
}
