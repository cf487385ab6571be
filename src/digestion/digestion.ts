import { DocumentUnreadable, expandedKeysIn } from '../composer/document.ts'
import { createThreads, type Threads } from './threads.ts'
import { runTask, type TaskName, type TaskOptions, type TaskOutcome } from './tasks.ts'
import type { Work } from './work.ts'

/**
 * Does a task with a body: here when it is small, else in another thread.
 *
 * @throws DocumentUnreadable when the body is past a limit.
 */
export type Digest = <Name extends TaskName>(
  name: Name,
  body: Buffer,
  options: TaskOptions<Name>,
) => Promise<TaskOutcome<Name>>

export interface Digestion {
  readonly digest: Digest
  readonly close: () => Promise<void>
}

/**
 * Most documents are smaller, and are done with in 1 to 5 ms. The way to another thread and back takes 0.1 to 0.5 ms, and
 * 0.7 s the first time.
 */
const bodyHereBytesMax = 64 * 1024
/** Keys of complete versions: 1 µs each, and a third of that for each comparison of a rule, which has 2 characters at least. */
const stepsHereMax = 20_000
const charactersPerStep = 6
/**
 * Alternatives of constraints and what they join take 7 µs each, and three times as much until they are compiled: a small
 * body of nothing else would take 200 ms. Of real small ones, in which most are in other texts, 99 of 100 have less.
 */
const separatorsHereMax = 2_000
const separators: ReadonlySet<number> = new Set(Buffer.from(',| \\'))

export function createDigestion(threads: Threads = createThreads()): Digestion {
  async function doElsewhere(work: Work): Promise<unknown> {
    const outcome = await threads.run(work)
    if (outcome.ok) return received(outcome.value)
    if (outcome.isUnreadable) throw new DocumentUnreadable(outcome.message)
    throw new Error(`${work.name} in another thread: ${outcome.message}`)
  }
  return {
    async digest<Name extends TaskName>(name: Name, body: Buffer, options: TaskOptions<Name>) {
      const outcome = isSmall(body, options)
        ? runTask(name, body, options)
        : await doElsewhere({ name, body, options })
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of the task of this name
      return outcome as TaskOutcome<Name>
    },
    close: threads.close,
  }
}

/** The same, but undefined when the body is past a limit: for what must go on without it. */
export type DigestIfReadable = <Name extends TaskName>(
  name: Name,
  body: Buffer,
  options: TaskOptions<Name>,
) => Promise<TaskOutcome<Name> | undefined>

export function digestIfReadable(digest: Digest): DigestIfReadable {
  return async (name, body, options) => {
    try {
      return await digest(name, body, options)
    } catch (error) {
      if (error instanceof DocumentUnreadable) return undefined
      throw error
    }
  }
}

function isSmall(body: Buffer, options: unknown): boolean {
  if (body.length > bodyHereBytesMax) return false
  const optionsText = Buffer.from(JSON.stringify(options ?? ''))
  if (separatorsIn(body) + separatorsIn(optionsText) > separatorsHereMax) return false
  return expandedKeysIn(body) * (1 + optionsText.length / charactersPerStep) <= stepsHereMax
}

function separatorsIn(text: Buffer): number {
  let count = 0
  for (const byte of text) count += separators.has(byte) ? 1 : 0
  return count
}

/** A Buffer arrives as the bytes it is, on its own or as a body among other things. */
function received(value: unknown): unknown {
  const isWithBody = typeof value === 'object' && value !== null && 'body' in value
  return isWithBody ? { ...value, body: asBuffer(value.body) } : asBuffer(value)
}

function asBuffer(value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value
  return Buffer.from(value.buffer, value.byteOffset, value.length)
}
