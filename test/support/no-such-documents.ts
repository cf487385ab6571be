/** What upstream may send, with status 200, of the package `name`, and what Composer makes of it. */
export interface SentInstead {
  readonly title: string
  readonly body: (name: string) => string
}

const other = '"acme/other":[{"name":"acme/other","version":"1.0.0"}]'
const aboutIt = '"security-advisories":[],"filter":{"malware":[]}'

/** What Composer resolves to no such package, and goes on to the next repository. */
export const noSuchDocuments: readonly SentInstead[] = [
  { title: 'null', body: () => 'null' },
  { title: 'an empty list', body: () => '[]' },
  { title: 'an empty object', body: () => '{}' },
  { title: 'a list', body: () => '[{"packages":{}}]' },
  { title: 'no packages', body: () => '{"minified":"composer/2.0"}' },
  { title: 'packages that are null', body: () => '{"packages":null}' },
  { title: 'packages that are false', body: () => '{"packages":false}' },
  { title: 'packages that are true', body: () => '{"packages":true}' },
  { title: 'packages that are a number', body: () => '{"packages":7}' },
  { title: 'packages that are a text', body: () => '{"packages":"acme"}' },
  { title: 'packages that are an empty list', body: () => '{"packages":[]}' },
  {
    title: 'packages that are a list of versions',
    body: (name) => `{"packages":[{"name":"${name}","version":"1.0.0"}]}`,
  },
  { title: 'packages that are an empty object', body: () => '{"packages":{}}' },
  { title: 'another package', body: () => `{"packages":{${other}}}` },
  {
    title: 'the package in capitals',
    body: (name) => `{"packages":{"${name.toUpperCase()}":[{"version":"1.0.0"}]}}`,
  },
  { title: 'versions that are null', body: (name) => `{"packages":{"${name}":null,${other}}}` },
  { title: 'another way to minify', body: () => '{"minified":"composer/3.0","packages":{}}' },
  {
    title: 'another package with half a character in it, which PHP cannot read',
    body: () => String.raw`{"packages":{"acme/other":["\ud800"]}}`,
  },
  { title: 'advisories and lists alone', body: () => `{${aboutIt}}` },
  { title: 'advisories and lists beside no packages', body: () => `{"packages":{},${aboutIt}}` },
]

/** What Composer fails at. */
export const brokenDocuments: readonly SentInstead[] = [
  { title: 'true', body: () => 'true' },
  { title: 'a number', body: () => '7' },
  { title: 'a text', body: () => '"packages"' },
  { title: 'versions that are a number', body: (name) => `{"packages":{"${name}":7}}` },
  { title: 'versions that are a text', body: (name) => `{"packages":{"${name}":"1.0.0"}}` },
  { title: 'versions that are false', body: (name) => `{"packages":{"${name}":false}}` },
]

/** A package without versions: Composer asks no other repository for it. */
export const emptyDocuments: readonly SentInstead[] = [
  { title: 'an empty list of versions', body: (name) => `{"packages":{"${name}":[]}}` },
  { title: 'an empty object of versions', body: (name) => `{"packages":{"${name}":{}}}` },
]
