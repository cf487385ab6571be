import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { times } from '../support/long.ts'
import { type Service, startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

/** `acme` and every vendor like `hidden-…` are reserved; upstream has packages of `acme`. */
const settings = {
  PRIVATE_VENDORS: 'acme,hidden-*',
  PROXY_NOTIFY_UPSTREAM: 'true',
}

const names = ['acme/log', 'acme', 'acme/secret', 'hidden-things/x', 'hidden-things']

type Write = (text: string) => string

const eachCharacter =
  (write: (character: string, code: number) => string): Write =>
  (text) =>
    Array.from(text, (character) => write(character, character.charCodeAt(0))).join('')

const hex = (code: number) => code.toString(16).padStart(2, '0')

/** Other ways to write a name, which can be put one on another. */
const ways: readonly Write[] = [
  (text) => text.toUpperCase(),
  eachCharacter((character, code) => (code % 2 === 0 ? character.toUpperCase() : character)),
  eachCharacter((_, code) => `%${hex(code)}`),
  (text) => text.replace('m', '%6D').replace('d', '%64'),
  (text) => text.replaceAll('%', '%25'),
  (text) => text.replaceAll('/', '%2F'),
  eachCharacter((_, code) => `&#${code};`),
  eachCharacter((_, code) => `&#x${hex(code)};`),
  (text) => text.replaceAll('/', '&sol;'),
  eachCharacter((_, code) => String.raw`\u00${hex(code)}`),
  eachCharacter((_, code) => String.raw`\x${hex(code)}`),
  // Full-width.
  eachCharacter((character, code) =>
    code > 0x20 && code < 0x7f ? String.fromCharCode(code + 0xfee0) : character,
  ),
  (text) => Array.from(text).join('\u200B'),
  (text) => text.replace('m', 'm\u00AD').replace('d', '\u2060d'),
  (text) => text.replace('a', 'a\u0301'),
  (text) => text.replaceAll('/', '\\'),
  (text) => `https://github.com/${text}.git`,
  (text) => `/${text}/`,
  (text) => `"${text}."`,
  (text) => `log+${text}+x`,
  (text) => `pkg:composer/${text}@1.0`,
  (text) => `${text}*`,
  (text) => ` ${text}\t`,
]

const hostile = fc
  .tuple(fc.constantFrom(...names), fc.array(fc.constantFrom(...ways), { maxLength: 3 }))
  .map(([name, written]) => written.reduce((text, write) => write(text), name))

/** Everything that the text may be for whoever decodes it. */
function readings(text: string): readonly string[] {
  const all = [text]
  for (let rounds = 0; rounds < 8; rounds++) {
    const last = all.at(-1) ?? ''
    const decoded = last
      .replaceAll(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(parseInt(code, 16)))
      .replaceAll(/&#x([0-9a-f]+);?/gi, (_, code: string) =>
        String.fromCharCode(parseInt(code, 16)),
      )
      .replaceAll(/&#(\d+);?/g, (_, code: string) => String.fromCharCode(Number(code)))
      .replaceAll(/\\[ux](?:00)?([0-9a-f]{2})/gi, (_, code: string) =>
        String.fromCharCode(parseInt(code, 16)),
      )
    if (decoded === last) break
    all.push(decoded)
  }
  // Bytes of UTF-8 that stood in percent signs.
  const utf8 = all.map((each) => Buffer.from(each, 'latin1').toString('utf8'))
  return [...all, ...utf8].map((each) =>
    each
      .normalize('NFKD')
      .replaceAll(/[\p{M}\p{Default_Ignorable_Code_Point}]/gu, '')
      .toLowerCase(),
  )
}

async function ask({ url, clock }: Service, text: string): Promise<void> {
  clock.advance(60) // By then there is nothing left of what the questions before cost their client.
  const encoded = encodeURIComponent(text)
  const once = text.replaceAll(/[^\x21-\x7e]|[#?"<>\\^`{|}]/gu, encodeURIComponent)
  const paths = [
    ...['q', 'type', 'tags[]', 'tags[7]', 'page', 'per_page', 'x', encoded].map(
      (name) => `/search.json?${name === 'q' ? '' : 'q=log&'}${name}=${encoded}`,
    ),
    `/at/2026-05-01/search.json?q=${encoded}`,
    ...['vendor', 'type', 'filter', 'fields[]', 'x', encoded].map(
      (name) => `/packages/list.json?${name}=${encoded}`,
    ),
    `/search.json?q=${once}`,
    `/packages/list.json?filter=${once}`,
    `/api/security-advisories/?packages[]=${encoded}&packages[]=beta/text&updatedSince=${encoded}`,
    `/providers/${once}.json`,
    `/providers/${text.split('/').map(encodeURIComponent).join('/')}.json`,
    `/p2/${once}.json`,
    `/p2/${text.split('/').map(encodeURIComponent).join('/')}.json`,
    `/dist-proxy/${once}/1.0.0.0/${'ab'.repeat(20)}.zip`,
    `/dist-proxy/beta/text/${encoded}/${encoded}.zip`,
    `/${once}`,
  ]
  const header = /^[\x20-\x7e]*$/.test(text) ? { 'if-modified-since': text.trim() } : {}
  const headers = { ...header, referer: `https://x.example/${encoded}`, 'x-name': encoded }
  for (const path of paths) {
    const answer = await fetch(url + path, { headers })
    assert.ok(answer.status < 500, `${answer.status} ${path}`)
    await answer.arrayBuffer()
  }
  await fetch(`${url}/lists/all/summary.json`, { headers })
  const form = new URLSearchParams([
    ['packages[]', text],
    ['packages[1]', 'beta/text'],
    [text, text],
  ])
  await fetch(`${url}/api/security-advisories/`, { method: 'POST', body: form, headers })
  const downloads = [
    { name: text, version: '1.0.0.0' },
    { name: 'beta/text', version: '1.0.0.0' },
    { name: 'beta/text', version: text.slice(0, 200) },
  ]
  const body = JSON.stringify({ downloads, x: text })
  await fetch(`${url}/downloads/`, { method: 'POST', body, headers })
}

async function open(): Promise<Service> {
  const service = await startService({ settings })
  await service.get('/packages.json')
  await service.get('/p2/beta/text.json')
  service.upstream.forget()
  return service
}

describe('what upstream hears', open, (test) => {
  test('has no name of a reserved vendor in it, whatever is asked', async (service) => {
    const { upstream } = service
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        upstream.forget()
        await ask(service, text)
        for (const { path, body, headers } of upstream.requests) {
          for (const sent of [path, body, JSON.stringify(headers)].flatMap(readings)) {
            assert.not.match(sent, /acme|hidden/, `${path} for ${JSON.stringify(text)}`)
          }
        }
      }),
      { numRuns: times(10, 75), endOnFailure: true, examples: names.map((name) => [name]) },
    )
  })

  test('has what is public, and nothing that it has no use for', async ({ get, upstream }) => {
    upstream.forget()
    await get('/search.json?q=text&token=s3cret&page=2')
    await get('/packages/list.json?vendor=beta&secret=1')
    const paths = upstream.requests.map(({ path }) => path)
    const asked = paths.filter((path) => /^\/(?:search|packages\/)/.test(path))
    assert.equal(asked, ['/search.json?q=text&page=2', '/packages/list.json?vendor=beta'])
  })
})
