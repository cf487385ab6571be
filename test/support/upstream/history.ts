import { createHash } from 'node:crypto'
import type { Advisory, ComposerFacts, PackageDescription } from './packages.ts'

/** A package has two documents: its tags and its branches. */
export type DocumentKind = 'tags' | 'dev'

/** One tag or branch, as it is at some moment. */
export interface VersionState {
  readonly package: string
  /** The name of the tag or branch: `1.0.0`, `main`, `feature/queue`. */
  readonly label: string
  readonly kind: DocumentKind
  readonly reference: string
  /** Seconds since the epoch at which upstream first showed it. */
  readonly publishedAt: number
  readonly facts: ComposerFacts
}

/** A package as it is at some moment. */
export interface PackageState {
  readonly description: PackageDescription
  /** Tags and branches by label. The first branch is the default one. */
  readonly tags: Map<string, VersionState>
  readonly branches: Map<string, VersionState>
  readonly advisories: (Advisory & { readonly reportedAt: string })[]
  /** What lists of unwanted versions say, most of them that of malware. */
  readonly flags: Flag[]
  /** Seconds since the epoch at which the summary of those lists last changed. */
  summaryModifiedAt: number
  /** Seconds since the epoch: the Last-Modified of both documents. */
  readonly modifiedAt: Record<DocumentKind, number>
  abandoned: string | undefined
  isDeleted: boolean
}

/** Versions that are on a list, as a constraint. */
export interface Flag {
  readonly list: string
  readonly constraint: string
  /** Only the summary says so, or only the document; without it both do. */
  readonly onlyIn?: 'summary' | 'document' | undefined
}

/** Something that happened to a package, and which of its documents show it. */
interface Change {
  readonly at: number
  readonly shownIn: readonly DocumentKind[]
  readonly apply: (state: PackageState) => void
}

interface Entry {
  readonly description: PackageDescription
  /** By time. */
  readonly changes: Change[]
}

interface NewVersion {
  readonly name: string
  readonly label: string
  readonly kind: DocumentKind
  readonly at: number
  readonly facts?: ComposerFacts | undefined
  /** Of a commit that was shown before; a new one without it. */
  readonly reference?: string | undefined
}

/**
 * What happened to every package, and so what each was at any moment. Times are whole seconds since
 * the epoch. Nothing is forgotten: a later change never alters what an earlier moment shows.
 */
export interface History {
  /** The package as it was then, deleted or not; undefined before its first version. */
  readonly stateAt: (name: string, at: number) => PackageState | undefined
  /** All packages of then, by name, deleted ones too. */
  readonly statesAt: (at: number) => readonly PackageState[]
  /** Shows a new tag or branch, or gives an existing one another commit. Returns its reference. */
  readonly show: (version: NewVersion) => string
  readonly change: (name: string, change: Change) => void
  /** The tag or branch that a commit was once made for, which may be abbreviated. */
  readonly versionOf: (name: string, reference: string) => VersionState | undefined
  readonly descriptionOf: (name: string) => PackageDescription
}

export function createHistory(descriptions: readonly PackageDescription[]): History {
  const packages = new Map<string, Entry>()
  const versionsByReference = new Map<string, VersionState>()

  const entryOf = (name: string): Entry => {
    const known = packages.get(name)
    if (known !== undefined) return known
    const added: Entry = {
      description: { name, description: '', tags: [], branches: {} },
      changes: [],
    }
    packages.set(name, added)
    return added
  }
  const history: History = {
    stateAt(name, at) {
      const entry = packages.get(name)
      const past = entry?.changes.filter((change) => change.at <= at) ?? []
      return entry && past.length > 0 ? fold(entry.description, past) : undefined
    },
    statesAt(at) {
      const states = [...packages.keys()].toSorted().map((name) => history.stateAt(name, at))
      return states.filter((state) => state !== undefined)
    },
    show({ name, label, kind, at, facts, reference: shown }) {
      const ofAll = entryOf(name).description.facts
      let reference = shown ?? referenceOf(name, label, 0)
      for (let commit = 1; reference !== shown && versionsByReference.has(reference); commit += 1) {
        reference = referenceOf(name, label, commit)
      }
      const version = { package: name, label, kind, reference, facts: { ...ofAll, ...facts } }
      versionsByReference.set(reference, { ...version, publishedAt: at })
      history.change(name, {
        at,
        shownIn: [kind],
        apply: (state) => addVersion(state, { ...version, publishedAt: at }),
      })
      return reference
    },
    change(name, change) {
      const { changes } = entryOf(name)
      changes.push(change)
      changes.sort((one, other) => one.at - other.at)
    },
    versionOf(name, reference) {
      const whole = [...versionsByReference.keys()].find((known) => known.startsWith(reference))
      const version = versionsByReference.get(whole ?? '')
      return version?.package === name ? version : undefined
    },
    descriptionOf: (name) => entryOf(name).description,
  }
  for (const description of descriptions) {
    packages.set(description.name, { description, changes: [] })
    tellStory(history, description)
  }
  return history
}

/** Both documents, for changes that show in both. */
export const bothDocuments: readonly DocumentKind[] = ['tags', 'dev']

/** The second of an instant in ISO 8601. */
export function secondsOf(instant: string): number {
  const seconds = Date.parse(instant) / 1000
  if (!Number.isInteger(seconds)) throw new Error(`not an instant in whole seconds: ${instant}`)
  return seconds
}

function tellStory(history: History, description: PackageDescription): void {
  const { name, tags, branches, abandoned, advisories = [] } = description
  for (const [label, days] of Object.entries(branches)) {
    for (const day of days) history.show({ name, label, kind: 'dev', at: noonOf(day) })
  }
  for (const [label, day, facts] of tags) {
    history.show({ name, label, kind: 'tags', at: noonOf(day), facts })
  }
  for (const advisory of advisories) {
    const at = noonOf(advisory.day)
    history.change(name, { at, shownIn: ['tags'], apply: adding(advisory, at) })
  }
  if (abandoned === undefined) return
  const abandon = (state: PackageState): void => void (state.abandoned = abandoned.replacement)
  history.change(name, { at: noonOf(abandoned.day), shownIn: bothDocuments, apply: abandon })
}

function fold(description: PackageDescription, changes: readonly Change[]): PackageState {
  // Both documents are there as soon as the package is, the empty one too.
  const born = changes[0]?.at ?? 0
  const state: PackageState = {
    description,
    tags: new Map(),
    branches: new Map(),
    advisories: [],
    flags: [],
    summaryModifiedAt: 0,
    modifiedAt: { tags: born, dev: born },
    abandoned: undefined,
    // What is said of a package that isn't there makes none.
    isDeleted: true,
  }
  for (const change of changes) {
    for (const kind of change.shownIn) state.modifiedAt[kind] = change.at
    change.apply(state)
  }
  return state
}

function addVersion(state: PackageState, version: VersionState): void {
  if (version.kind === 'dev') {
    state.branches.set(version.label, version)
  } else {
    // A tag that moves keeps the moment at which it was first seen, as upstream does.
    const publishedAt = state.tags.get(version.label)?.publishedAt ?? version.publishedAt
    state.tags.set(version.label, { ...version, publishedAt })
  }
  state.isDeleted = false
}

/** The change by which upstream begins to show an advisory. */
export function adding(advisory: Advisory, at: number): Change['apply'] {
  const { reportedAt = new Date(at * 1000).toISOString() } = advisory
  return (state) => void state.advisories.push({ ...advisory, reportedAt })
}

function referenceOf(name: string, label: string, commit: number): string {
  return createHash('sha1').update(`${name} ${label} ${commit}`).digest('hex')
}

function noonOf(day: string): number {
  return secondsOf(`${day}T12:00:00Z`)
}
