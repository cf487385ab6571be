/**
 * A request's target with the slashes that follow one another in its path made one, as nginx and upstream's servers have it:
 * `//packages.json` is `/packages.json`. It is done before anything looks at the target, so that no spelling has access rules
 * of its own. What is encoded stays, and so does the query.
 */
export function withMergedSlashes(target: string): string {
  if (!target.includes('//')) return target
  const [, origin = '', path = '', rest = ''] =
    /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)?([^?#]*)(.*)$/is.exec(target) ?? []
  return `${origin}${path.replaceAll(/\/{2,}/g, '/')}${rest}`
}
