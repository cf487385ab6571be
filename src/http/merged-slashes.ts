/**
 * A request's target with the slashes that follow one another in its path made one, as nginx and upstream's servers have it:
 * `//packages.json` is `/packages.json`. It is done before anything looks at the target, so that no spelling has access rules
 * of its own. What is encoded stays, and so does the query.
 */
export function withMergedSlashes(target: string): string {
  if (!target.includes('//')) return target
  const pathEnd = endAt(target, target.search(/[?#]/))
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(target)?.[0]
  const afterHost = scheme === undefined ? 0 : endAt(target, target.indexOf('/', scheme.length))
  const pathBegin = Math.min(afterHost, pathEnd)
  const path = target.slice(pathBegin, pathEnd)
  return `${target.slice(0, pathBegin)}${path.replaceAll(/\/{2,}/g, '/')}${target.slice(pathEnd)}`
}

function endAt({ length }: string, found: number): number {
  return found === -1 ? length : found
}
