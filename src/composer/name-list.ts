import { createHash } from 'node:crypto'
import { z } from 'zod'
import { PackageName } from './names.ts'

/** Upstream's list of all its names (`packages/list.json`) as sorted hashes: it answers "is it there?" and nothing else. */
export interface NameDigests {
  /** Makes the hashes those of this list only, so that nobody can look for names that collide. */
  readonly salt: string
  /** 32 bits of each name's hash, ascending. Of a million names, one made-up name in 4,096 seems to be among them. */
  readonly hashes: Uint32Array
}

/** Why a list is of no use. `no_answer`: upstream gave none; `not_offered`: it has none after all. */
export type NameListProblem = 'no_answer' | 'not_offered' | 'unreadable' | 'too_many'

/** 4 MiB. Packagist has 450,000 names and 60,000 more each year. */
const namesMax = 1_048_576

export interface NameList extends NameDigests {
  /** Of the names that upstream has for sure, those that aren't in it; some of them when there are many. */
  readonly lacking: readonly PackageName[]
}

export interface NameListOptions {
  readonly salt: string
  /** Names that upstream has for sure. */
  readonly known: readonly PackageName[]
}

/** One is enough to doubt the list. */
const lackingMax = 100

/** What there is to keep of a list. Pure. */
export function digestNameList(
  json: Buffer,
  { salt, known }: NameListOptions,
): NameList | { readonly problem: NameListProblem } {
  const read = readNames(json)
  if (!read.ok) return read
  const hashes = Uint32Array.from(read.names, (name) => hashOf(name, salt)).toSorted()
  const digests = { salt, hashes }
  const lacking = known.filter((name) => !hasName(digests, name)).slice(0, lackingMax)
  return { ...digests, lacking }
}

type ReadNames =
  | { readonly ok: true; readonly names: readonly PackageName[] }
  | { readonly ok: false; readonly problem: 'unreadable' | 'too_many' }

const List = z.object({ packageNames: z.array(z.unknown()) })

/** Names in lower case. What can't be the name of a package is left out, since nobody can ask for it. */
function readNames(json: Buffer): ReadNames {
  const listed = List.safeParse(parsed(json)).data?.packageNames
  if (listed === undefined) return { ok: false, problem: 'unreadable' }
  if (listed.length > namesMax) return { ok: false, problem: 'too_many' }
  const names = listed.flatMap((name) => {
    return typeof name === 'string' ? (PackageName.safeParse(name.toLowerCase()).data ?? []) : []
  })
  // An upstream without a single package has no list worth believing.
  return names.length === 0 ? { ok: false, problem: 'unreadable' } : { ok: true, names }
}

/** Whether a name is among them; true for some that aren't. */
export function hasName({ salt, hashes }: NameDigests, name: PackageName): boolean {
  const hash = hashOf(name, salt)
  let from = 0
  let to = hashes.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((hashes[middle] ?? 0) < hash) from = middle + 1
    else to = middle
  }
  return hashes[from] === hash
}

function hashOf(name: PackageName, salt: string): number {
  return createHash('sha256').update(salt).update(name).digest().readUInt32BE(0)
}

function parsed(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString('utf8'))
  } catch {
    return undefined
  }
}
