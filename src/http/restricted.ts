import type { Answer } from './route.ts'

/** For an answer that isn't for everybody: no cache on the way may give it to somebody else. */
export function restricted({ headers, ...answer }: Answer): Answer {
  const { 'Cache-Control': caching = '', Vary: vary = '' } = headers
  return {
    ...answer,
    headers: {
      ...headers,
      'Cache-Control': privately(caching),
      Vary: listed([...vary.split(','), 'Authorization']),
    },
  }
}

function privately(caching: string): string {
  const directives = caching.split(',').map((directive) => directive.trim())
  if (directives.includes('no-store')) return caching
  return listed(['private', ...directives.filter((directive) => directive !== 'public')])
}

function listed(items: readonly string[]): string {
  const known = items.map((item) => item.trim()).filter((item) => item !== '')
  return [...new Set(known)].join(', ')
}
