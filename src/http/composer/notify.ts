import { z } from 'zod'
import { loweredAsPhpDoes, PackageName } from '../../composer/names.ts'
import { AppError } from '../../errors.ts'
import type { NoteInstalls } from '../../private/installs.ts'
import { type ComposerRoute, jsonAnswer } from '../route.ts'
import { storableOnly } from '../text.ts'

/** Composer installs a few hundred at once; more than these are none of its doing. */
const downloadsMax = 5_000

const Downloads = z.object({
  downloads: z
    .array(z.object({ name: z.string(), version: z.string().min(1).max(200) }))
    .max(downloadsMax),
})

/**
 * Composer reports each install here, by the URL that root files and lock files name. It never waits for what
 * becomes of it, and never shows what is answered.
 */
export function notifyBatch(noteInstalls: NoteInstalls): ComposerRoute {
  return {
    surface: 'composer',
    policy: 'read',
    method: 'post',
    path: '/downloads/',
    takes: 'anything',
    async handle({ body, principal, client }) {
      const { downloads } = parse(await body())
      const installs = downloads.flatMap(({ name, version }) => {
        const packageName = PackageName.safeParse(loweredAsPhpDoes(name)).data
        const isVersion = !/[\p{Cc}\p{Cs}]/u.test(version)
        if (packageName === undefined || !isVersion) return []
        return [{ packageName, versionNormalized: version }]
      })
      await noteInstalls(installs, { principal, client })
      return jsonAnswer(201, { status: 'success' })
    },
  }
}

function parse(body: Buffer): z.infer<typeof Downloads> {
  try {
    return Downloads.parse(JSON.parse(body.toString('utf8'), storableOnly))
  } catch (error) {
    if (error instanceof AppError) throw error
    const message = 'installs are reported as {"downloads": [{"name": …, "version": …}]}'
    throw new AppError('invalid_request', message, { cause: error })
  }
}
