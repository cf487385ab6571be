import { z } from 'zod'
import { actorOf, may } from '../../access/principal.ts'
import type { Import, ImportedEntry, ImportEnd } from '../../private/publish/import.ts'
import { readQuery } from '../input.ts'
import type { UploadLimits } from '../receiving.ts'
import type { ApiRoute } from '../route.ts'
import { claim, Publication, publicationOf } from './publish.ts'

const entry = z.string().describe('Its path in the tar.')
const count = z.int().nonnegative()

const Line = z.union([
  Publication.extend({ entry }),
  z.object({ entry, outcome: z.literal('refused'), code: z.string(), detail: z.string() }),
  z
    .object({
      complete: z.boolean(),
      detail: z.string().optional().describe('Why it is not complete.'),
      published: count,
      unchanged: count,
      moved: count,
      refused: count,
      ignored: count.describe('Files in the tar that are no .zip.'),
    })
    .describe('The last line; when there is none, something broke off: send it again.'),
])

const query = z.strictObject({ claim })

/** The time to publish one isn't counted as idle. */
const limits: UploadLimits = { idleMs: 60_000, totalMs: 6 * 3_600_000 }

/** `POST /api/v1/packages/import`: many packages at once, told of one by one. */
export function importRoute(importTar: Import): ApiRoute {
  return {
    surface: 'api',
    policy: 'publish',
    method: 'post',
    path: '/api/v1/packages/import',
    takes: 'application/x-tar',
    operation: {
      id: 'importPackages',
      summary: 'Publishes all zips in a tar',
      description:
        'Of each zip, composer.json says name and version; the version may be in the path instead, ' +
        'as `acme/log/1.2.0.zip`. A file `dates.json` before them all may say when another registry ' +
        'published them: `{"acme/log": {"1.2.0": "2020-05-01T12:00:00Z"}}`. The answer has a line of JSON for each as soon as it is done, ' +
        'and a last one with the sums. One that is refused stops none of the others.',
      query,
      answers: {
        200: {
          description: 'A line for each zip',
          schema: Line,
          contentType: 'application/x-ndjson',
        },
      },
      errors: [
        'invalid_request',
        'unauthorized',
        'forbidden',
        'cross_site',
        'unsupported_media_type',
        'database_unavailable',
      ],
    },
    async handle(request) {
      const { claim: claimed } = readQuery(request, query)
      const { principal, requestId } = request
      const imported = importTar(
        {
          claim: claimed === 'true',
          actor: actorOf(principal),
          requestId,
          mayPublish: (vendor) => may(principal, 'publish', vendor),
          mayDate: (vendor) => may(principal, 'admin', vendor),
        },
        request.upload(limits),
      )
      return {
        status: 200,
        headers: { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' },
        body: linesOf(imported),
      }
    },
  }
}

async function* linesOf(imported: ReturnType<Import>): AsyncGenerator<Buffer> {
  try {
    for (;;) {
      const next = await imported.next()
      yield lineOf(next.done === true ? endOf(next.value) : entryOf(next.value))
      if (next.done === true) return
    }
  } finally {
    // The client left: what was begun ends.
    await imported.return({ sums: noSums, problem: undefined })
  }
}

const noSums = { published: 0, unchanged: 0, moved: 0, refused: 0, ignored: 0 }

function lineOf(line: z.input<typeof Line>): Buffer {
  return Buffer.from(`${JSON.stringify(line)}\n`)
}

function entryOf(imported: ImportedEntry): z.input<typeof Line> {
  if ('published' in imported) {
    return { entry: imported.entry, ...publicationOf(imported.published) }
  }
  const { entry: path, code, problem } = imported
  return { entry: path, outcome: 'refused', code, detail: problem }
}

function endOf({ sums, problem }: ImportEnd): z.input<typeof Line> {
  const complete = problem === undefined
  return { complete, ...(complete ? {} : { detail: problem }), ...sums }
}
