import { DocumentUnreadable } from './document.ts'
import { readJson, readJsonAsPhpDoes } from './json.ts'
import { isJsonObject, type JsonObject } from './minify.ts'
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

/** Where a document comes from, for what it doesn't say of its advisories itself. */
export interface DocumentSource {
  readonly packageName: PackageName
  /** Of the upstream. */
  readonly host: string
  /** The document's own, ISO 8601. */
  readonly modifiedAt: string
}

/** As of a document. */
const documentLimits = { depthMax: 64, valuesMax: 250_000 }
const idLengthMax = 200

/**
 * The advisories in a package's document, as JSON of a list of records in full: documents have an id and the versions
 * alone, and Composer up to 2.10 stops at an advisory without a title, sources and a date, when it audits. undefined:
 * the document says nothing about advisories, or nothing that can be read.
 */
export function advisoriesInDocument(body: Buffer, source: DocumentSource): string | undefined {
  const read = readJson(body, documentLimits)
  const top = read.ok && isJsonObject(read.value) ? read.value : {}
  const told = top['security-advisories']
  const listed = isJsonObject(told) ? Object.values(told) : told
  if (!read.ok || !Array.isArray(listed) || !read.isReadable(listed)) return undefined
  const records = listed.map((each: unknown) => recordOf(each, source))
  return records.includes(undefined) ? undefined : JSON.stringify(printableJson(records))
}

function recordOf(
  entry: unknown,
  { packageName, host, modifiedAt }: DocumentSource,
): JsonObject | undefined {
  if (!isJsonObject(entry)) return undefined
  const { advisoryId: id, affectedVersions } = entry
  if (typeof id !== 'string' || id.length > idLengthMax) return undefined
  if (typeof affectedVersions !== 'string') return undefined
  const unsaid = {
    packageName,
    title: `Known to ${host}, which gives no details`,
    link: null,
    cve: null,
    source: host,
    // It was known when the document was written.
    reportedAt: modifiedAt,
    composerRepository: null,
    severity: null,
    sources: [{ name: host, remoteId: id }],
  }
  const said = Object.entries(entry).filter(([, value]) => value !== null)
  return { ...unsaid, ...Object.fromEntries(said), packageName }
}

/** JSON of the records of one list, and those of another with ids that it doesn't have. */
export function joinedAdvisories(list: string, other: string): string {
  const records = recordsIn(list)
  const ids = new Set(records.map(idOf))
  const others = recordsIn(other).filter((record) => !ids.has(idOf(record)))
  return others.length === 0 ? list : JSON.stringify([...records, ...others])
}

function recordsIn(list: string): readonly unknown[] {
  const records: unknown = JSON.parse(list)
  return Array.isArray(records) ? records : []
}

function idOf(record: unknown): unknown {
  return isJsonObject(record) ? record['advisoryId'] : undefined
}
