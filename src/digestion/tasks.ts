import {
  advisoriesInDocument,
  type DocumentSource,
  readAdvisories,
} from '../composer/advisories.ts'
import { readChangePage } from '../composer/change-page.ts'
import { archivesIn } from '../composer/document-archives.ts'
import { digestDocument, filterListsIn } from '../composer/document-digest.ts'
import { referencesIn } from '../composer/document-references.ts'
import { digestNameList, type NameListOptions } from '../composer/name-list.ts'
import { malwareIn } from '../composer/malware-list.ts'
import { type Listed, summaryParts } from '../composer/malware-summary.ts'
import type { DocumentName, PackageName } from '../composer/names.ts'
import { advisoriesText } from '../composer/security-advisories.ts'
import { inspectBody, versionsIn } from '../metadata/inspect.ts'
import { renderBody } from '../metadata/render-body.ts'
import { mergeAnswer, type Merging } from '../private/answers/merge.ts'
import { hindsightIn, publicationTimes } from '../time-machine/reconstruct.ts'
import { reportDatesIn, reportedBy } from '../time-machine/report-dates.ts'

/**
 * All that is done with the bytes of upstream's documents, its change feed, and its other answers: pure, of a body and
 * options that can be sent to another thread, to something that can be sent back.
 */
const tasks = {
  inspect: (body: Buffer, document: DocumentName) => inspectBody(document, body),
  versions: (body: Buffer, document: DocumentName) => versionsIn(document, body),
  servability: (body: Buffer, packageName: PackageName) => digestDocument(body, packageName),
  publicationTimes: (body: Buffer, packageName: PackageName) => publicationTimes(body, packageName),
  hindsight: (body: Buffer, packageName: PackageName) => hindsightIn(body, packageName),
  namedAdvisories: (body: Buffer, packageName: PackageName) =>
    advisoriesText(body, packageName, () => true),
  reportDates: reportDatesIn,
  reportedBy,
  render: renderBody,
  archives: (body: Buffer, packageName: PackageName) => archivesIn(body, packageName),
  references: (body: Buffer, packageName: PackageName) => referencesIn(body, packageName),
  changePage: readChangePage,
  malware: (body: Buffer) => malwareIn(body),
  filterLists: (body: Buffer, packageName: PackageName) => filterListsIn(body, packageName),
  summary: (body: Buffer, rules: Listed) => summaryParts(body, rules),
  answer: (body: Buffer, { status, ...merging }: Merging & { readonly status: number }) =>
    mergeAnswer({ status, body }, merging),
  advisories: (body: Buffer, asked: readonly PackageName[]) => readAdvisories(body, asked),
  documentAdvisories: (body: Buffer, source: DocumentSource) => advisoriesInDocument(body, source),
  names: (body: Buffer, options: NameListOptions) => digestNameList(body, options),
} as const

type Tasks = typeof tasks
export type TaskName = keyof Tasks
export type TaskOptions<Name extends TaskName> =
  Parameters<Tasks[Name]> extends [Buffer, infer Options] ? Options : undefined
export type TaskOutcome<Name extends TaskName> = ReturnType<Tasks[Name]>

/** @param options of the task of this name: whoever calls this has checked it. */
export function runTask(name: TaskName, body: Buffer, options: unknown): unknown {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- which options belong to which task is lost here
  const task = tasks[name] as (body: Buffer, options: unknown) => unknown
  return task(body, options)
}
