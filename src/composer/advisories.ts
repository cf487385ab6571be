import { DocumentUnreadable } from './document.ts'
import { readJsonAsPhpDoes } from './json.ts'
import { isJsonObject } from './minify.ts'
import { loweredAsPhpDoes, type PackageName } from './names.ts'
import { type Notices, noticesIn, printableJson } from './notices.ts'

/** What a repository says about packages that it was asked about. A name that it doesn't have is left out. */
export interface AdvisoriesRead {
  /** Of each package, JSON of the list of its advisories: `[]` for one that is known to have none. */
  readonly byName: ReadonlyMap<PackageName, string>
  readonly notices: Notices
}

/** Packagist tells names without advisories from unknown ones up to the thousandth; Composer asks for 500 at once. */
const namesPerQuestion = 500

/** The names of each question that it takes to ask about all. */
export function inQuestions(names: readonly PackageName[]): readonly (readonly PackageName[])[] {
  const count = Math.ceil(names.length / namesPerQuestion)
  return Array.from({ length: count }, (_, index) =>
    names.slice(index * namesPerQuestion, (index + 1) * namesPerQuestion),
  )
}

/** Of 500 packages, some with hundreds of advisories, of 15 values each. */
const limits = { depthMax: 32, valuesMax: 5_000_000 }

/**
 * Reads the answer of an `api-url`. Only whole answers count: what is missing in one would be taken for safe.
 *
 * @param asked as they were asked about: Composer looks for them as written, and gives up at any others.
 * @throws DocumentUnreadable when it is no such answer, or past a limit.
 */
export function readAdvisories(body: Buffer, asked: readonly PackageName[]): AdvisoriesRead {
  const read = readJsonAsPhpDoes(body, limits)
  if (!read.ok) throw new DocumentUnreadable(read.problem)
  if (!isJsonObject(read.value)) throw new DocumentUnreadable('no JSON object')
  const { advisories } = read.value
  // PHP writes an object without members as a list.
  const isNone = Array.isArray(advisories) && advisories.length === 0
  if (!isJsonObject(advisories) && !isNone) throw new DocumentUnreadable('no advisories in it')
  const told = new Map(isJsonObject(advisories) ? Object.entries(advisories) : [])
  const byName = new Map<PackageName, string>()
  for (const name of asked) {
    const listed = told.get(name)
    if (listed !== undefined) byName.set(name, JSON.stringify(aboutPackage(name, listed)))
  }
  return { byName, notices: noticesIn(read.value) }
}

/** Each names its package once more; PHP writes a list with gaps as an object. */
function aboutPackage(name: string, advisories: unknown): unknown {
  const all = isJsonObject(advisories) ? Object.values(advisories) : advisories
  if (!Array.isArray(all)) throw new DocumentUnreadable('advisories of a package that are no list')
  return printableJson(
    all.filter((each: unknown) => {
      const { packageName = name } = isJsonObject(each) ? each : {}
      return typeof packageName === 'string' && loweredAsPhpDoes(packageName) === name
    }),
  )
}
