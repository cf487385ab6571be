import { isUtf8 } from 'node:buffer'
import type { Entry } from './directory.ts'
import { utf8Flag } from './headers.ts'
import type { EntryPath } from '../entries/paths.ts'
import { badEntry } from '../entries/problem.ts'
import type { Pause } from '../../event-loop.ts'

type Named = Pick<Entry, 'number' | 'path' | 'flags'>

/** What all readers take alike: neither encoded, nor with what unzip leaves out. NUL stands for slashes. */
const isPlain = (path: EntryPath): boolean => /^[\0 -~]*$/.test(path) && !vmsVersion.test(path)
const vmsVersion = /;\d*$/
/** To PHP, no text has these. */
const control = /[^\t\n\r -\u00ff]/

/** PHP opens no zip with a name that is said to be in UTF-8 and isn't a text in it. */
export function isReadable(name: string, flags: number): boolean {
  return (flags & utf8Flag) === 0 || isUtf8Text(name)
}

function isUtf8Text(name: string): boolean {
  return isUtf8(Buffer.from(name, 'latin1')) && !control.test(name)
}

/**
 * Refuses two entries whose names some reader takes for one. unzip leaves out what can't be printed, and a
 * version at the end as VMS has it. PHP guesses the encoding of names that aren't said to be in UTF-8:
 * those that can't be are in the code page of DOS. Which character a byte then is depends on the reader, so
 * it may be any that isn't ASCII.
 */
export async function refuseReadAlike(entries: readonly Named[], pause: Pause): Promise<void> {
  if (entries.every(({ path }) => isPlain(path))) return
  const pathsOf = new Map<string, EntryPath>()
  const encodings = new Map<string, Encoding>()
  for (const { number, path, flags } of entries) {
    const printed = printable(path)
    const encoding = encodingOf(path, flags)
    const shape = shapeIn(path, encoding)
    const isTaken = (pathsOf.get(printed) ?? path) !== path
    if (isTaken || (encodings.get(shape) ?? encoding) !== encoding) {
      throw badEntry(number, 'has a name that some read as that of another one')
    }
    pathsOf.set(printed, path)
    encodings.set(shape, encoding)
    await pause()
  }
}

type Encoding = 'utf-8' | 'code page'

function encodingOf(path: EntryPath, flags: number): Encoding {
  return (flags & utf8Flag) !== 0 || isUtf8Text(path.replaceAll('\0', '/')) ? 'utf-8' : 'code page'
}

/** With a question mark for each character that isn't ASCII, or could be none. */
function shapeIn(path: EntryPath, encoding: Encoding): string {
  if (encoding === 'code page') return path.replaceAll(/[^\0 -~]/g, '?')
  return Buffer.from(path, 'latin1')
    .toString()
    .replaceAll(/[^\0\t\n\r -~]/gu, '?')
}

/** As unzip writes it. */
function printable(path: EntryPath): EntryPath {
  return path.replaceAll(/[^\0 -~\u0080-\u00fe]/g, '').replace(vmsVersion, '')
}
