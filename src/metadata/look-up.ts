import { LRUCache } from 'lru-cache'
import { type DocumentName, type PackageName, packageOfDocument } from '../composer/names.ts'
import { AppError } from '../errors.ts'
import { type Instant, msOfInstant } from '../time-machine/instant.ts'
import type { Asking } from './asking.ts'
import type { IsDoubted } from './denial.ts'
import type { LookupBudget } from './lookup-budget.ts'
import type { NameLists } from './name-lists.ts'
import type { Refresh, Refreshed } from './refresh.ts'

/** What came of asking for a document that there never was. `known`: upstream wasn't asked. */
export type LookedUp = Refreshed | ({ readonly outcome: 'known' } & Known)

/** `why`: there when it failed. */
type Known = Pick<Extract<Refreshed, { readonly outcome: 'unrecorded' }>, 'answer' | 'why'>

/** Looks up a document of which there never were any bytes. */
export type LookUp = (document: DocumentName, asking: Asking) => Promise<LookedUp>

export interface LookUpOptions {
  readonly refresh: Refresh
  readonly nameLists: Pick<NameLists, 'isUnlisted' | 'seen'>
  readonly isDoubted: IsDoubted
  readonly budget: LookupBudget
  /** There when upstream has it after all, now that it was asked. */
  readonly found: (document: DocumentName) => Promise<Found | undefined>
  readonly now: () => Instant
}

interface Found {
  /** As upstream has it. */
  readonly lastModified: Instant | undefined
}

/** How long an answer is believed that isn't recorded, because the same is, or because of the client's budget. */
const believedSeconds = { missing: 60, failed: 5 } as const
/** Some 200 bytes each; one that is forgotten costs a request. */
const rememberedMax = 10_000

export function createLookUp(options: LookUpOptions): LookUp {
  const { nameLists, budget, found, now } = options
  const { remember, recall } = createMemory(options)
  const refresh: Refresh = async (document, allowing) => {
    const refreshed = await options.refresh(document, allowing)
    remember(document, refreshed)
    return refreshed
  }
  /** What is known without asking upstream; of what isn't recorded, nothing goes into the past. */
  async function knownAnswer(
    document: DocumentName,
    packageName: PackageName | undefined,
    { isForThePast = false }: Asking,
  ): Promise<Known | undefined> {
    const isUnlisted =
      packageName !== undefined && !isForThePast && (await nameLists.isUnlisted(packageName))
    if (isUnlisted) return { answer: 'missing' }
    const recalled = await recall(document)
    return isForThePast && recalled?.isOverBudget === true ? undefined : ofRecalled(recalled)
  }
  async function ask(
    document: DocumentName,
    packageName: PackageName,
    { client }: Asking,
  ): Promise<Refreshed> {
    if (client === undefined) return await refresh(document)
    return await budget.spend(client, async () => {
      const outcome = await refresh(document, { mayRecord: () => budget.mayRecord(client) })
      const there = await found(document)
      if (there !== undefined) await nameLists.seen(packageName, there.lastModified)
      return { outcome, isFree: there !== undefined || isForNothing(outcome) }
    })
  }

  return async (document, asking) => {
    const packageName = packageOfDocument(document)?.packageName
    const known = await knownAnswer(document, packageName, asking)
    if (known !== undefined) return { outcome: 'known', ...known }
    if (packageName === undefined) return await refresh(document)
    const refreshed = await ask(document, packageName, asking)
    if (asking.isForThePast === true && isOverBudget(refreshed)) throw overBudget(now())
    return refreshed
  }
}

type Unrecorded = Extract<Refreshed, { readonly outcome: 'unrecorded' }>

interface Remembered {
  readonly answered: Unrecorded
  readonly at: Instant
  /** Since when the answer is the same. */
  readonly since: Instant
}

/** Remembers for a while what upstream answered and isn't recorded. */
function createMemory({ isDoubted, now }: Pick<LookUpOptions, 'isDoubted' | 'now'>): {
  readonly remember: (document: DocumentName, refreshed: Refreshed) => void
  readonly recall: (document: DocumentName) => Promise<Unrecorded | undefined>
} {
  const remembered = new LRUCache<DocumentName, Remembered>({ max: rememberedMax })
  return {
    remember(document: DocumentName, refreshed: Refreshed): void {
      const before = remembered.get(document)
      if (refreshed.outcome !== 'unrecorded') remembered.delete(document)
      else {
        const at = now()
        const isSame = before?.answered.answer === refreshed.answer
        remembered.set(document, { answered: refreshed, at, since: isSame ? before.since : at })
      }
    },
    async recall(document: DocumentName): Promise<Unrecorded | undefined> {
      const known = remembered.get(document)
      if (known === undefined) return undefined
      const { answered } = known
      const ageMs = Math.abs(msOfInstant(now()) - msOfInstant(known.at))
      if (ageMs >= believedSeconds[answered.answer] * 1000) return undefined
      const isInDoubt = answered.answer === 'missing' && (await isDoubted(document, known))
      return isInDoubt ? undefined : answered
    },
  }
}

function ofRecalled(recalled: Known | undefined): Known | undefined {
  return recalled && { answer: recalled.answer, ...(recalled.why && { why: recalled.why }) }
}

/** Whether no request was made for this client. */
function isForNothing(refreshed: Refreshed): boolean {
  return refreshed.outcome === 'paused' || refreshed.isShared
}

function isOverBudget(refreshed: Refreshed): boolean {
  return refreshed.outcome === 'unrecorded' && refreshed.isOverBudget
}

function overBudget(present: Instant): AppError {
  const message = 'this client has had too many names looked up today that do not exist'
  const retryAfterSeconds = Math.ceil((dayMs - (msOfInstant(present) % dayMs)) / 1000)
  return new AppError('allowance_used_up', message, { retryAfterSeconds })
}

const dayMs = 86_400_000
