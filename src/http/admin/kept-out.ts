import { z } from 'zod'
import type { DescribeKeptOut, KeptOut as Described } from '../../kept-out.ts'

export type KeptOutDeps = DescribeKeptOut

const Hit = z.object({
  versionNormalized: z.string().describe('As Composer compares it.'),
  installs: z.int().describe('How often it was reported as installed since `installsSince`.'),
})

/** What the answer to a block or a freeze says beside what was decided. */
export const KeptOut = z.object({
  hits: z
    .object({
      count: z.int().nullable().describe('null: not known, which is not none.'),
      versions: z.array(Hit).describe('The most installed first, 1,000 at most.'),
      isUpToDate: z
        .boolean()
        .describe('false: upstream did not answer in time, and these are of what is recorded.'),
      installsSince: z.string().describe('A day, UTC, 30 days ago.'),
    })
    .describe('What is kept out, of all versions that were ever seen.'),
  warnings: z.array(z.string()).describe('Sentences, such as that nothing is hit.'),
  stillInstalledBy: z.array(z.string()).describe('Who gets it all the same, and how; sentences.'),
  whatToDo: z.array(z.string()).describe('Sentences.'),
})

export function keptOutAnswer(described: Described): z.input<typeof KeptOut> {
  const { hits, warnings, stillInstalledBy, whatToDo } = described
  const { count = null, versions = [], isUpToDate, installsSince } = hits
  return {
    hits: { count, versions: [...versions], isUpToDate, installsSince },
    warnings: [...warnings],
    stillInstalledBy: [...stillInstalledBy],
    whatToDo: [...whatToDo],
  }
}
