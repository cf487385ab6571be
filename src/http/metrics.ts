import { z } from 'zod'
import type { Metrics, Readings } from '../telemetry/metrics.ts'
import type { ApiRoute } from './route.ts'

/** `/metrics`, for Prometheus; open unless METRICS_TOKEN is set. */
export function metrics(
  { contentType, text }: Pick<Metrics, 'contentType' | 'text'>,
  readings: () => Promise<Readings>,
): ApiRoute {
  return {
    surface: 'api',
    policy: 'metrics',
    method: 'get',
    path: '/metrics',
    operation: {
      id: 'readMetrics',
      summary: 'What this node does, in the text format of Prometheus',
      description:
        'Open to all, unless METRICS_TOKEN is set: then that token is needed, or one that may ' +
        'administer everything.',
      answers: {
        200: { description: 'All metrics', schema: z.string(), contentType: 'text/plain' },
      },
      errors: ['unauthorized', 'forbidden', 'database_unavailable'],
    },
    async handle() {
      const headers = { 'Content-Type': contentType, 'Cache-Control': 'no-store' }
      return { status: 200, headers, body: Buffer.from(await text(await readings())) }
    },
  }
}
