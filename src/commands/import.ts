import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { request as requestPlain, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as requestTls } from 'node:https'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { bar } from '../terminal/progress.ts'
import type { Screen } from '../terminal/screen.ts'
import { linesIn } from './lines-in.ts'
import { jsonOf, Refusal, refusalOf, unreachable } from './refusal.ts'
import { type Sending, tarOfDirectory } from './tar-of-directory.ts'

export interface ImportOrder {
  readonly claim: boolean
  readonly url: string
  readonly token: string
}

const count = z.int().nonnegative()
const Line = z.union([
  z.object({ entry: z.string(), outcome: z.literal('refused'), detail: z.string() }),
  z.object({
    package: z.string(),
    version: z.string(),
    outcome: z.string(),
    reference: z.string(),
  }),
  z.object({
    complete: z.boolean(),
    detail: z.string().optional(),
    published: count,
    unchanged: count,
    moved: count,
    refused: count,
    ignored: count,
  }),
])

/** As long as curl waits for a server that doesn't say whether it wants the body. */
const continueWithinMs = 1_000
const connectWithinMs = 10_000
const silentForMs = 600_000
const answerWithinMs = 1_000

/**
 * Publishes all zips in a directory or a tar. Says of each what became of it as soon as it is known, and
 * shows on a terminal how much has been sent.
 *
 * @returns whether all of them are there now.
 * @throws Refusal when none could be sent, or the answer broke off.
 */
export async function importAll(
  place: string,
  order: ImportOrder,
  screen: Screen,
): Promise<boolean> {
  const sending = await sendingOf(place)
  const request = requestFor(order, sending)
  const answered = responseTo(request, order.url)
  // Whoever waits for it gets its error; nobody may wait yet.
  answered.catch(() => undefined)
  try {
    const wanted = new Promise((resolve) => void request.once('continue', resolve))
    await Promise.race([wanted, answered, delay(continueWithinMs, undefined, { ref: false })])
    const sent = pipeline(sending.bytes, metered(sending, screen), request)
    sent.catch(() => undefined)
    const response = await Promise.race([answered, afterSending(sent, answered)])
    if (response.statusCode !== 200) {
      throw refusalOf(order.url, response.statusCode ?? 0, await text(response).catch(() => ''))
    }
    return await told(response, screen)
  } finally {
    screen.change('')
    request.destroy()
    sending.bytes.destroy()
  }
}

/** @throws Refusal */
async function afterSending(
  sent: Promise<void>,
  answered: Promise<IncomingMessage>,
): Promise<IncomingMessage> {
  // Who takes no more of a body has said why, and that may still be on its way.
  await sent.catch(async () => await Promise.race([answered, delay(answerWithinMs)]))
  return await answered
}

/** @throws Refusal */
async function sendingOf(place: string): Promise<Sending> {
  const found = await stat(place).catch(() => {
    throw new Refusal(`there is no ${place}`)
  })
  if (found.isDirectory()) return await tarOfDirectory(place)
  return { bytes: createReadStream(place), sizeBytes: found.size, isExact: true }
}

function requestFor({ url, token, claim }: ImportOrder, sending: Sending): ClientRequest {
  const target = new URL(`${url}/api/v1/packages/import${claim ? '?claim=true' : ''}`)
  const request = (target.protocol === 'https:' ? requestTls : requestPlain)(target, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/x-tar',
      // A proxy that takes no such body says so before any of it is sent.
      expect: '100-continue',
      ...(sending.isExact && { 'content-length': sending.sizeBytes }),
    },
  })
  const connecting = setTimeout(() => {
    request.destroy(new Error(`no connection within ${connectWithinMs / 1000} s`))
  }, connectWithinMs)
  onConnected(request, () => clearTimeout(connecting))
  request.once('close', () => clearTimeout(connecting))
  request.setTimeout(silentForMs, () => {
    request.destroy(new Error(`nothing was answered for ${silentForMs / 1000} s`))
  })
  request.flushHeaders()
  return request
}

/** @throws Refusal */
async function responseTo(request: ClientRequest, url: string): Promise<IncomingMessage> {
  let isConnected = false
  onConnected(request, () => (isConnected = true))
  return await new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.on('error', (error) => {
      reject(isConnected ? brokeOff(error) : unreachable(url, error))
    })
    request.once('close', () => reject(brokeOff('it was closed')))
  })
}

function onConnected(request: ClientRequest, then: () => void): void {
  const event = request.protocol === 'https:' ? 'secureConnect' : 'connect'
  request.once('socket', (socket) => void socket.once(event, then))
}

function brokeOff(error: unknown): Refusal {
  return new Refusal(
    `the connection broke off (${String(error)}): import again, what is there stays as it is. ` +
      'If it breaks off at the same place, a proxy in front may allow no body of that size; see docs/PROXY.md',
  )
}

/** Passes bytes on, and shows how many of them have been. */
function metered({ sizeBytes }: Sending, screen: Screen): Transform {
  const begunMs = performance.now()
  let sentBytes = 0
  return new Transform({
    transform(piece: Buffer, _, done) {
      sentBytes = Math.min(sizeBytes, sentBytes + piece.length)
      const spentMs = performance.now() - begunMs
      const leftMs = (spentMs / sentBytes) * (sizeBytes - sentBytes)
      const step = {
        what: 'importing, KB',
        done: Math.ceil(sentBytes / 1000),
        total: Math.ceil(sizeBytes / 1000),
      }
      screen.change(bar(step, spentMs < 1000 ? undefined : leftMs).slice(0, screen.columns()))
      done(null, piece)
    },
  })
}

/** @throws Refusal */
async function told(response: IncomingMessage, screen: Screen): Promise<boolean> {
  try {
    for await (const line of linesIn(response)) {
      const { data: said } = Line.safeParse(jsonOf(line))
      if (said === undefined) throw new Refusal(`this is no answer to an import: ${line}`)
      if ('entry' in said) screen.logStream.write(`${said.entry}: ${said.detail}`)
      else if ('package' in said) {
        const { version, outcome, reference } = said
        screen.say(`${said.package} ${version} ${outcome} sha256:${reference}\n`)
      } else return summedUp(said, screen)
    }
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw brokeOff(error)
  }
  throw brokeOff('the answer has no end')
}

function summedUp(
  sums: Extract<z.infer<typeof Line>, { readonly complete: boolean }>,
  screen: Screen,
): boolean {
  const { complete, detail = 'it is not complete', refused, ignored } = sums
  const parts = (['published', 'moved', 'unchanged', 'refused'] as const)
    .filter((outcome) => sums[outcome] > 0)
    .map((outcome) => `${sums[outcome]} ${outcome}`)
  const others = ignored === 0 ? '' : `; ${ignored} that are no .zip were left alone`
  screen.change('')
  screen.say(`${parts.length === 0 ? 'nothing to publish' : parts.join(', ')}${others}\n`)
  if (!complete) throw new Refusal(`that isn't all: ${detail}`)
  return refused === 0 && parts.length > 0
}
