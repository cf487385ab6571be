import { AsyncLocalStorage } from 'node:async_hooks'
import { type Client, ownWork } from './access/client.ts'

/** What is known of why something runs. */
interface Context {
  /** undefined: no request caused it. */
  readonly requestId: string | undefined
  /** By key. More may come while it runs. */
  readonly clients: Map<string, Client>
  /** What this is part of: whoever wants that wants this too. */
  readonly outer: Context | undefined
  readonly listeners: Set<() => void>
  /** See `decides`. */
  decision: string | undefined
}

const running = new AsyncLocalStorage<Context>()

/** All that `work` does, and what it leaves running, belongs to the request. @returns what was decided about it. */
export async function asRequest(
  requestId: string,
  work: () => Promise<void>,
): Promise<string | undefined> {
  const context = contextOf(requestId, undefined)
  await running.run(context, work)
  return context.decision
}

/** Says in a word how the current request is answered. The first word holds, unless one is `final`. */
export function decides(word: string, { final = false }: { readonly final?: boolean } = {}): void {
  const context = [...chainOf(running.getStore())].at(-1)
  if (context !== undefined && (final || context.decision === undefined)) context.decision = word
}

/** Says whose the current request is. */
export function asksAs(client: Client): void {
  const context = running.getStore()
  if (context !== undefined) add(context, [client])
}

/** undefined: no request caused what is running now. */
export function currentRequestId(): string | undefined {
  return running.getStore()?.requestId
}

/** On whose behalf something is done. */
export interface Askers {
  /** As of now; never without any. */
  readonly clients: () => readonly Client[]
  /** Calls the listener for each further one, until what it returns is called. */
  readonly onMore: (listener: () => void) => () => void
}

/** Of what is running now. */
export function currentAskers(): Askers {
  const context = running.getStore()
  const all = [...chainOf(context)]
  return {
    clients: () => askersOf(context),
    onMore(listener) {
      for (const { listeners } of all) listeners.add(listener)
      return () => {
        for (const { listeners } of all) listeners.delete(listener)
      }
    },
  }
}

/** Work that is under way, and may be wanted by more clients than by the one that began it. */
export interface Joinable<Outcome> {
  readonly outcome: Outcome
  /** To be called by whoever wants it too: where clients wait in line, the one that comes first counts. */
  readonly join: () => void
}

export function joinable<Outcome>(work: () => Outcome): Joinable<Outcome> {
  const outer = running.getStore()
  const context = contextOf(outer?.requestId, outer)
  return {
    outcome: running.run(context, work),
    join: () => add(context, askersOf(running.getStore())),
  }
}

function contextOf(requestId: string | undefined, outer: Context | undefined): Context {
  return { requestId, clients: new Map(), outer, listeners: new Set(), decision: undefined }
}

function add({ clients, listeners }: Context, more: readonly Client[]): void {
  for (const client of more) clients.set(client.key ?? '', client)
  for (const listener of listeners) listener()
}

function* chainOf(context: Context | undefined): Generator<Context> {
  for (let each = context; each !== undefined; each = each.outer) yield each
}

/** Of a request that was answered without asking whose it is. */
const untold: Client = { key: undefined, hasToken: false }

function askersOf(context: Context | undefined): readonly Client[] {
  const all = [...chainOf(context)]
  const clients = all.flatMap((each) => [...each.clients.values()])
  const begun = all.at(-1)
  // What no request caused is the service's own, also when requests join it.
  if (begun === undefined || begun.requestId === undefined) clients.push(ownWork)
  return clients.length === 0 ? [untold] : clients
}
