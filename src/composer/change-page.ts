import { z } from 'zod'
import { readJson } from './json.ts'
import { DocumentName, PackageName, packageOfDocument } from './names.ts'

export type FeedAction =
  | { readonly type: 'update'; readonly document: DocumentName; readonly atSeconds: number }
  /** Both documents of the package. */
  | { readonly type: 'delete'; readonly packageName: PackageName; readonly atSeconds: number }

/** What is in the body of an answer of a change feed. */
export type ChangePage =
  | {
      readonly outcome: 'page'
      readonly until: number
      /** JSON of up to `actionsPerPart` actions each, so that whoever gets them from another thread reads them in steps. */
      readonly parts: readonly string[]
      readonly resync: boolean
      /** Actions about names that can't be those of a package. */
      readonly droppedActions: number
    }
  /** `since` isn't taken: pages can be asked for from `until` on. */
  | { readonly outcome: 'bootstrap'; readonly until: number }

/** A full page of Packagist has 100,000 actions, which are 400,000 values. */
const limits = { depthMax: 64, valuesMax: 1_500_000 }
/** Twice a full page. Past it, it is less work to ask for everything anew than to look for what is known. */
const actionsMax = 200_000
const actionsPerPart = 1_000

const timestamp = z.int().positive()
const secondsOfYear10000 = 253_402_300_800
const Page = z.object({
  timestamp,
  actions: z.array(
    z.object({
      type: z.string(),
      package: z.string(),
      time: z.number().nonnegative().lt(secondsOfYear10000),
    }),
  ),
})
const Refusal = z.object({ timestamp })

/** Reads the answer to a question for a page, or to where pages begin; undefined when it is neither. Pure. */
export function readChangePage(
  body: Buffer,
  { isRefusal }: { readonly isRefusal: boolean },
): ChangePage | undefined {
  const json = readJson(body, limits)
  if (!json.ok) return undefined
  if (isRefusal) {
    const refusal = Refusal.safeParse(json.value).data
    return refusal && { outcome: 'bootstrap', until: refusal.timestamp }
  }
  const page = Page.safeParse(json.value).data
  return page && { outcome: 'page', until: page.timestamp, ...sorted(page.actions) }
}

type SentAction = z.infer<typeof Page>['actions'][number]

function sorted(
  actions: readonly SentAction[],
): Pick<Extract<ChangePage, { outcome: 'page' }>, 'parts' | 'resync' | 'droppedActions'> {
  if (actions.length > actionsMax) return { parts: [], resync: true, droppedActions: 0 }
  const changes = actions.filter(({ type }) => type !== 'resync')
  const parsed = changes.map(parseAction).filter((action) => action !== undefined)
  const parts: string[] = []
  for (let from = 0; from < parsed.length; from += actionsPerPart) {
    parts.push(JSON.stringify(parsed.slice(from, from + actionsPerPart)))
  }
  return {
    parts,
    resync: changes.length < actions.length,
    droppedActions: changes.length - parsed.length,
  }
}

/** Any other type than those known is taken for an update: asking once too often does no harm. */
function parseAction({ type, package: name, time }: SentAction): FeedAction | undefined {
  const atSeconds = Math.floor(time)
  if (type === 'delete') {
    const packageName = PackageName.safeParse(name).data
    return packageName && { type, packageName, atSeconds }
  }
  const document = DocumentName.safeParse(name).data
  if (document === undefined || packageOfDocument(document) === undefined) return undefined
  return { type: 'update', document, atSeconds }
}
