import { setTimeout as delay } from 'node:timers/promises'
import type { Allowance } from '../../access/allowance.ts'
import type { Client } from '../../access/client.ts'
import { type AdvisoriesRead, inQuestions } from '../../composer/advisories.ts'
import type { PackageName } from '../../composer/names.ts'
import { AppError } from '../../errors.ts'
import { type Instant, msOfInstant, trimmedInstant } from '../../time-machine/instant.ts'
import type { AskAdvisories } from '../../upstream/advisories.ts'
import type { KnownByName } from './advisories-here.ts'

export interface OfOthersOptions {
  readonly askAdvisories: AskAdvisories
  /** How often each client may have upstream asked. */
  readonly allowance: Allowance
  readonly keep: (told: {
    readonly asked: readonly PackageName[]
    readonly byName: AdvisoriesRead['byName']
    readonly at: Instant
  }) => Promise<void>
  /** Without asking upstream. */
  readonly known: (names: readonly PackageName[]) => Promise<KnownByName>
  /** For an upstream that answers no such questions: from its documents, asked for anew where they are old. */
  readonly fromDocuments: (names: readonly PackageName[], client: Client) => Promise<KnownByName>
  /** Of the upstream, as people know it; undefined: there is none, and so no packages of others. */
  readonly host: string | undefined
  readonly now: () => Instant
  /** As long as upstream is waited for while there is an answer without it; without it, 4 s. */
  readonly wait?: () => Promise<void>
}

export interface Told extends AdvisoriesRead {
  /** How old the oldest part of it is, where that comes from what is kept. */
  readonly staleSeconds: number | undefined
}

/** Composer gives up after 10 s. */
const waitMs = 4_000
const waitUsual = async () => await delay(waitMs, undefined, { ref: false })
const none: Told = { byName: new Map(), notices: {}, staleSeconds: undefined }

/**
 * The advisories of upstream's packages: what it says now, or else what is known of them here, which is told with its
 * date. About all names or none, since Composer takes what is missing for safe.
 *
 * @throws AppError `upstream_unavailable` when nothing is known of a name.
 */
export type AdvisoriesOfOthers = (names: readonly PackageName[], client: Client) => Promise<Told>

export function createAdvisoriesOfOthers(options: OfOthersOptions): AdvisoriesOfOthers {
  const { allowance, askAdvisories, keep, now, host, wait = waitUsual } = options

  async function ask(names: readonly PackageName[]): Promise<AdvisoriesRead | undefined> {
    const at = now()
    const told = await askAdvisories(names)
    if (told !== undefined) await keep({ byName: told.byName, asked: names, at })
    return told
  }
  async function stale(names: readonly PackageName[]): Promise<Told | Unknown> {
    const known = await options.known(names)
    const unknown = names.filter((name) => !known.has(name))
    if (unknown.length > 0) return { unknown }
    const at = oldestOf(known, now())
    const message = `${host} can't be asked for advisories: these are as of ${trimmedInstant(at)}`
    return {
      byName: listsIn(known),
      notices: { warnings: [{ versions: '*', message }] },
      staleSeconds: ageOf(at),
    }
  }
  async function fromDocuments(names: readonly PackageName[], client: Client): Promise<Told> {
    const known = await options.fromDocuments(names, client)
    const unknown = names.filter((name) => !known.has(name))
    const why = `${host} answers no questions for advisories`
    if (unknown.length > 0) throw nothingKnown(why, unknown)
    const at = oldestOf(known, now())
    const message = `${why}: these are in its documents as of ${trimmedInstant(at)}, without details`
    const notices = { infos: [{ versions: '*', message }] }
    const staleSeconds = at < now() ? ageOf(at) : undefined
    return { byName: listsIn(known), notices, staleSeconds }
  }

  /** What upstream says, or what is known while it takes its time. */
  async function inTime(names: readonly PackageName[]): Promise<Outcome | Told> {
    const asking = outcomeOf(ask(names))
    const first = await Promise.race([asking, wait()])
    if (first !== undefined) return first
    const meanwhile = await stale(names)
    // What comes later is kept all the same.
    return 'unknown' in meanwhile ? await asking : meanwhile
  }
  function ageOf(at: Instant): number {
    return (msOfInstant(now()) - msOfInstant(at)) / 1000
  }

  return async (names, client) => {
    if (names.length === 0 || host === undefined) return none
    for (const _ of inQuestions(names)) await allowance.take(client)
    const answer = await inTime(names)
    if ('byName' in answer) return answer
    const { told, problem, error } = answer
    if (told !== undefined) return { ...told, staleSeconds: undefined }
    if (problem === undefined && error === undefined) return await fromDocuments(names, client)
    if (problem === undefined) throw error
    const kept = await stale(names)
    if ('unknown' in kept) throw nothingKnown(problem.message, kept.unknown, problem)
    return kept
  }
}

interface Unknown {
  readonly unknown: readonly PackageName[]
}

interface Outcome {
  /** undefined: it doesn't answer such questions, or there is one of the others. */
  readonly told?: AdvisoriesRead | undefined
  /** Upstream gives no answer. */
  readonly problem?: AppError
  /** Anything else, which is nobody's when it comes after the answer. */
  readonly error?: unknown
}

async function outcomeOf(asking: Promise<AdvisoriesRead | undefined>): Promise<Outcome> {
  try {
    return { told: await asking }
  } catch (error) {
    const isAway = error instanceof AppError && error.code === 'upstream_unavailable'
    return isAway ? { problem: error } : { error }
  }
}

function listsIn(known: KnownByName): ReadonlyMap<PackageName, string> {
  const lists = [...known].flatMap(([name, { advisories }]) =>
    advisories === undefined ? [] : [[name, advisories] as const],
  )
  return new Map(lists)
}

function oldestOf(known: KnownByName, present: Instant): Instant {
  const dates = [...known.values()].map(({ at }) => at)
  return dates.reduce((oldest, at) => (at < oldest ? at : oldest), present)
}

/** As many as a person reads. */
const namesTold = 3

function nothingKnown(why: string, unknown: readonly PackageName[], cause?: AppError): AppError {
  const others = unknown.length - namesTold
  const told = unknown.slice(0, namesTold).join(', ') + (others > 0 ? ` and ${others} more` : '')
  const message = `${why}; nothing is known here about the advisories of ${told}`
  const retryAfterSeconds = cause?.retryAfterSeconds
  return new AppError('upstream_unavailable', message, {
    cause,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  })
}
