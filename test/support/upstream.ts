import { EventEmitter, once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { answerTo, type Answer, type World } from './upstream/answers.ts'
import type { ArchiveOptions } from './upstream/archives.ts'
import { deliver, spoil, type Fault } from './upstream/faults.ts'
import { outageFault, type Outage, type OutagePart } from './upstream/outages.ts'
import { createHistory, secondsOf } from './upstream/history.ts'
import { describedPackages, type PackageDescription } from './upstream/packages.ts'
import { storyteller, type Storyteller } from './upstream/storyteller.ts'

/** A request that arrived. */
interface StubRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Undefined until it is answered, and for good when it never is. */
  status: number | undefined
}

/** Keeps requests waiting, so that a test can look at what happens meanwhile without sleeping. */
interface Gate {
  /** Resolves once a first request waits at the gate. */
  readonly arrived: Promise<void>
  /** How many wait now. */
  readonly waiting: () => number
  /** Lets those that wait go on, and later ones pass. */
  readonly release: () => void
}

/**
 * A Packagist on the loopback with a small made-up world and its history from 2024 to 2026.
 *
 * Documents show what upstream showed at the stub's clock. Each change (`publish`, `moveTag`, …)
 * first moves the clock on by a second, so that Last-Modified differs whenever bytes do.
 */
export interface StubUpstream extends Storyteller {
  /** `http://127.0.0.1:port`, for PROXY_PACKAGIST_URL. */
  readonly url: string
  /** The stub's clock, such as `2026-06-01T00:00:00Z`. */
  readonly now: () => string
  /** Sets the clock to an instant in whole seconds; it may go back. */
  readonly at: (instant: string) => void
  /** Makes requests fail; the last fault that matches is the one. Returns what clears it. */
  readonly fail: (fault: Fault) => () => void
  readonly hold: (match: RegExp) => Gate
  /** The archive of a reference has other bytes from now on, with the same files or without. */
  readonly alterArchive: (reference: string, form: ArchiveOptions['form']) => void
  /** The root file names no change feed any more. */
  readonly dropFeed: () => void
  /** Members of the root file are otherwise; those that are undefined are left out. */
  readonly changeRoot: (members: Readonly<Record<string, unknown>>) => void
  /** It is down, or a part of it. Returns what brings it back. */
  readonly outage: (how: Outage, of?: OutagePart) => Promise<() => Promise<void>>
  /** In the order of their arrival. */
  readonly requests: readonly StubRequest[]
  readonly requestsFor: (match: RegExp) => readonly StubRequest[]
  /** Empties the list of requests. */
  readonly forget: () => void
  readonly close: () => Promise<void>
}

export interface StubUpstreamOptions {
  readonly packages?: readonly PackageDescription[]
  /** The clock to begin with: `2026-06-01T00:00:00Z` unless told otherwise. */
  readonly at?: string
  /** Dist URLs answer 302 to archives whose length isn't told, like GitHub's zipballs. */
  readonly redirectsDists?: boolean
  /** The root file names a change feed, unless told otherwise. */
  readonly hasFeed?: boolean
  /** And lists of malware. */
  readonly hasLists?: boolean
  /** What else is otherwise in the root file, as by `changeRoot`. */
  readonly root?: Readonly<Record<string, unknown>>
}

interface Held {
  readonly match: RegExp
  readonly wait: () => Promise<void>
}

export async function startStubUpstream(options: StubUpstreamOptions = {}): Promise<StubUpstream> {
  const {
    packages = describedPackages,
    at = '2026-06-01T00:00:00Z',
    redirectsDists = false,
    hasFeed = true,
    hasLists = true,
    root = {},
  } = options
  const history = createHistory(packages)
  const forms = new Map<string, ArchiveOptions['form']>()
  const requests: StubRequest[] = []
  const faults = new Set<Fault & { timesLeft: number }>()
  const gates = new Set<Held & Gate>()
  let clock = secondsOf(at)
  let isFeedNamed = hasFeed
  let rootChanges = root

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      // The client has gone, or the stub has a bug, which the one who asks should get to see.
      if (response.headersSent) response.destroy()
      else response.writeHead(500).end(inspect(error))
    })
  })
  await listen(server, 0)
  const { port } = server.address() as AddressInfo // as it listens on a port, not on a socket
  const world: World = {
    url: `http://127.0.0.1:${port}`,
    history,
    now: () => clock,
    redirectsDists,
    hasFeed: () => isFeedNamed,
    hasLists,
    rootChanges: () => rootChanges,
    formOf: (reference) => forms.get(reference) ?? 'original',
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = request
    const entry: StubRequest = {
      method,
      path,
      headers,
      body: await text(request),
      status: undefined,
    }
    requests.push(entry)
    for (const gate of gates) if (gate.match.test(path)) await gate.wait()
    const fault = takeFault(path)
    const answer = answerWith(fault, { method, url: path, body: entry.body }, headers)
    entry.status = await deliver(response, compressed(answer, headers), fault)
  }

  function answerWith(
    fault: Fault | undefined,
    asked: Parameters<typeof answerTo>[1],
    headers: IncomingHttpHeaders,
  ): Answer {
    if (fault?.mode === 'outdated') {
      const then = clock - (fault.behindSeconds ?? 60)
      return revalidated(answerTo({ ...world, now: () => then }, asked), headers)
    }
    const plain = answerTo(world, asked)
    return fault ? spoil(plain, fault, asked.url) : revalidated(plain, headers)
  }

  function takeFault(path: string): Fault | undefined {
    const fault = [...faults].findLast(({ match }) => match.test(path))
    if (fault === undefined) return undefined
    fault.timesLeft -= 1
    if (fault.timesLeft <= 0) faults.delete(fault)
    return fault
  }

  function fail(fault: Fault): () => void {
    const added = { ...fault, timesLeft: fault.times ?? Number.POSITIVE_INFINITY }
    faults.add(added)
    return () => void faults.delete(added)
  }

  return {
    ...storyteller(history, () => (clock += 1)),
    url: world.url,
    requests,
    now: () => `${new Date(clock * 1000).toISOString().slice(0, 19)}Z`,
    at: (instant) => (clock = secondsOf(instant)),
    fail,
    hold(match) {
      const gate = createGate(match)
      gates.add(gate)
      return gate
    },
    changeRoot: (members) => void (rootChanges = { ...rootChanges, ...members }),
    async outage(how, of = 'all') {
      if (how === 'refuse' && of === 'all') {
        await closed(server)
        return async () => await listen(server, port)
      }
      const clear = fail(outageFault(how, of))
      return async () => clear()
    },
    dropFeed: () => void (isFeedNamed = false),
    alterArchive: (reference, form) => void forms.set(reference, form),
    requestsFor: (match) => requests.filter(({ path }) => match.test(path)),
    forget: () => void requests.splice(0),
    async close() {
      for (const gate of gates) gate.release()
      if (server.listening) await closed(server)
    },
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

async function closed(server: Server): Promise<void> {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

/** 304 without a body when the client has exactly this. Upstream compares dates for equality. */
function revalidated(answer: Answer, headers: IncomingHttpHeaders): Answer {
  const { 'last-modified': modified, etag } = answer.headers
  const isKnown =
    (etag !== undefined && headers['if-none-match'] === etag) ||
    (modified !== undefined && headers['if-modified-since'] === modified)
  return isKnown ? { ...answer, status: 304, body: Buffer.alloc(0) } : answer
}

function compressed(answer: Answer, headers: IncomingHttpHeaders): Answer {
  const isJson = answer.headers['content-type'] === 'application/json'
  const isWanted = /\bgzip\b/.test(`${headers['accept-encoding']}`)
  const isDone = answer.headers['content-encoding'] !== undefined || answer.status === 304
  if (!isJson || !isWanted || isDone) return answer
  return {
    ...answer,
    headers: { ...answer.headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' },
    body: gzipSync(answer.body),
  }
}

function createGate(match: RegExp): Held & Gate {
  const events = new EventEmitter()
  const arrived = once(events, 'arrived')
  const released = once(events, 'released')
  let waiting = 0
  return {
    match,
    arrived: arrived.then(() => undefined),
    waiting: () => waiting,
    release: () => void events.emit('released'),
    async wait() {
      waiting += 1
      events.emit('arrived')
      await released
      waiting -= 1
    },
  }
}
