import { jsonAnswer, type Route } from './route.ts'

export interface Readiness {
  readonly ready: boolean
  /** What is checked, each with what is wrong, or `ok`. */
  readonly checks: Readonly<Record<string, string>>
}

/** `/livez`: the process answers. `/readyz`: it can do its work; upstream being down doesn't matter. */
export function probes(readiness: () => Promise<Readiness>): readonly Route[] {
  return [
    {
      surface: 'api',
      method: 'get',
      path: '/livez',
      handle: async () => jsonAnswer(200, { status: 'ok' }),
    },
    {
      surface: 'api',
      method: 'get',
      path: '/readyz',
      async handle() {
        const { ready, checks } = await readiness()
        return jsonAnswer(ready ? 200 : 503, { status: ready ? 'ok' : 'not ready', checks })
      },
    },
  ]
}
