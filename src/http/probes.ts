import { z } from 'zod'
import { type ApiRoute, jsonAnswer } from './route.ts'

export interface Readiness {
  readonly ready: boolean
  /** What is checked, each with what is wrong, or `ok`. */
  readonly checks: Readonly<Record<string, string>>
}

const Live = z.object({ status: z.literal('ok') })
const Ready = z.object({
  status: z.enum(['ok', 'not ready']),
  checks: z.record(z.string(), z.string()).describe('Each `ok`, or what is wrong.'),
})

/** `/livez`: the process answers. `/readyz`: it can do its work; upstream being down doesn't matter. */
export function probes(readiness: () => Promise<Readiness>): readonly ApiRoute[] {
  return [
    {
      surface: 'api',
      policy: 'open',
      method: 'get',
      path: '/livez',
      operation: {
        id: 'isLive',
        summary: 'Whether the process answers',
        answers: { 200: { description: 'It does', schema: Live } },
        errors: [],
      },
      handle: async () => jsonAnswer(200, { status: 'ok' }),
    },
    {
      surface: 'api',
      policy: 'open',
      method: 'get',
      path: '/readyz',
      operation: {
        id: 'isReady',
        summary: 'Whether this node can do its work; upstream being down does not matter to it',
        answers: {
          200: { description: 'It can', schema: Ready },
          503: { description: 'Send requests to another node', schema: Ready },
        },
        errors: [],
      },
      async handle() {
        const { ready, checks } = await readiness()
        return jsonAnswer(ready ? 200 : 503, { status: ready ? 'ok' : 'not ready', checks })
      },
    },
  ]
}
