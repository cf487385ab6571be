import type { ApiRequest } from './api.ts'
import type { Service } from './service.ts'
import { packageZip } from './publishing.ts'

type Made = Readonly<Record<string, (service: Service) => Promise<number>>>

const version = '/api/v1/packages/:vendor/:package/:version'
const log = { name: 'own/log', description: 'Logs' }

async function put(
  { api }: Pick<Service, 'api'>,
  path: string,
  request: ApiRequest,
): Promise<number> {
  return (await api('PUT', `/api/v1/packages/${path}`, request)).status
}

async function publish(
  service: Pick<Service, 'api'>,
  name: string,
  content?: string,
): Promise<number> {
  const body = packageZip({ name: `own/${name}` }, content)
  return await put(service, `own/${name}/1.0.0`, { body })
}

/** How each documented status of the routes of packages of our own comes about. */
export const packageStatuses: Made = {
  [`put ${version} 201`]: async (service) => await publish(service, 'new'),
  [`put ${version} 200`]: async (service) => {
    await publish(service, 'same')
    return await publish(service, 'same')
  },
  [`put ${version} 404`]: async (service) =>
    await put(service, 'own/No/1.0.0', { body: packageZip(log) }),
  [`put ${version} 409`]: async (service) => {
    await publish(service, 'other')
    return await publish(service, 'other', 'two')
  },
  [`put ${version} 422`]: async (service) => await put(service, 'own/log/1.1.0', { body: 'zip' }),
  [`put ${version} 415`]: async (service) => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' }
    return await put(service, 'own/log/1.1.0', { body: packageZip(log), headers })
  },
  [`delete ${version} 200`]: async (service) => {
    await publish(service, 'gone')
    return (await service.api('DELETE', '/api/v1/packages/own/gone/1.0.0')).status
  },
  [`delete ${version} 404`]: async (service) => {
    await publish(service, 'log')
    return (await service.api('DELETE', '/api/v1/packages/own/log/9.0.0')).status
  },
  'get /api/v1/packages 200': async ({ api }) => (await api('GET', '/api/v1/packages')).status,
  'get /api/v1/packages/:vendor/:package 200': async (service) => {
    await publish(service, 'shown')
    return (await service.api('GET', '/api/v1/packages/own/shown')).status
  },
  'get /api/v1/packages/:vendor/:package 404': async ({ api }) =>
    (await api('GET', '/api/v1/packages/own/nothing')).status,
  'post /api/v1/packages/import 200': async ({ api }) => {
    const body = Buffer.alloc(1024) // A tar without entries.
    return (await api('POST', '/api/v1/packages/import', { body })).status
  },
  'post /api/v1/packages/import 415': async ({ api }) => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' }
    return (await api('POST', '/api/v1/packages/import', { body: 'x', headers })).status
  },
}

/** What takes more than a request: a disk without room, a body that is large, or doesn't come. */
export const elsewhere: ReadonlySet<string> = new Set(
  [408, 413, 507].map((status) => `put ${version} ${status}`),
)
