import type { Service } from './service.ts'

interface Dist {
  readonly url: string
  readonly reference: string
  readonly shasum: string
}

/** What upstream's metadata says of a version's archive; asked of upstream itself, not through us. */
export async function distOf({ upstream }: Service, name: string, version: string): Promise<Dist> {
  const branch = version.startsWith('dev-')
  const answer = await fetch(`${upstream.url}/p2/${name}${branch ? '~dev' : ''}.json`)
  const text = await answer.text()
  const dists = [...text.matchAll(/"version":"([^"]+)".*?"dist":(\{[^}]*\})/g)]
  const found = dists.find(([, each]) => each === version)
  if (found === undefined) throw new Error(`upstream has no ${name} ${version}`)
  upstream.forget()
  return JSON.parse(found[2] ?? '') as Dist
}
