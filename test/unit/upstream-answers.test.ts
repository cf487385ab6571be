import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { loweredAsPhpDoes, PackageName } from '../../src/composer/names.ts'
import { type Answers, createAnswers } from '../../src/private/answers/answers.ts'
import { createReserved, namesReservedBy } from '../../src/private/reserved.ts'
import type { RelayAnswer } from '../../src/upstream/relay.ts'
import { describe, rejection } from '../support/suite.ts'
import { questionsTo } from '../support/upstream-questions.ts'

const client = { key: 'address 192.0.2.1', hasToken: false }

const anybody = { client, principal: { kind: 'anonymous' }, position: undefined } as const

/** @param text of every answer of upstream. */
function answersOf(text: string, status = 200): Answers {
  const reserved = createReserved({
    patterns: ['acme', 'hidden-*', 'kit'],
    isPublished: async () => false,
    published: async () => namesReservedBy([]),
  })
  return createAnswers({
    ...questionsTo(async () => ({ status, body: Buffer.from(text) })),
    listing: async () => [],
    reservedNames: reserved.reservedNames,
    searchUrl: 'https://packages.example.com/search.json',
  })
}

/** Everything that upstream is asked, of one text of every answer. */
async function all(text: string, status = 200): Promise<Readonly<Record<string, RelayAnswer>>> {
  const answers = answersOf(text, status)
  const none = new URLSearchParams()
  return {
    search: await answers.search(none, anybody),
    list: await answers.list(none, anybody),
    fields: await answers.list(new URLSearchParams('fields[]=type'), anybody),
    providers: await answers.providers(PackageName.parse('psr/log'), anybody),
    advisories: await answers.advisories(none, anybody),
  }
}

/** An answer that has a name wherever each of them may have one; the name is written as JSON. */
function naming(name: string): string {
  const advisory = `[{"advisoryId":"1"}]`
  return `{
    "results": [{"name": "psr/log"}, {"name": ${name}, "url": "https://evil.example"}], "total": 2,
    "packageNames": ["psr/log", ${name}],
    "packages": {"psr/log": {"type": "library"}, ${name}: {"type": "library"}},
    "providers": [{"name": ${name}}, {"name": "psr/log"}],
    "advisories": {${name}: ${advisory}, "psr/log": ${advisory}},
    "anything": [${name}]
  }`
}

/** JSON of a text in which any character may be escaped, and a slash as PHP does it. */
function writtenBy(text: string, choices: readonly number[]): string {
  const characters = Array.from(text, (character, index) => {
    const choice = choices[index % choices.length] ?? 0
    const code = character.charCodeAt(0).toString(16).padStart(4, '0')
    if (choice === 1) return String.raw`\u${code}`
    if (choice === 2) return String.raw`\u${code.toUpperCase()}`
    if (choice === 3) return character.toUpperCase()
    return character === '/' && choice === 4 ? String.raw`\/` : character
  })
  return `"${characters.join('')}"`
}

const isOurs = (name: string) => /^(?:acme|kit|hidden-[^/]*)\//.test(loweredAsPhpDoes(name))

describe(
  'what upstream answers',
  async () => ({}),
  (test) => {
    test('names no package of a reserved vendor, however it is written', async () => {
      const name = fc.constantFrom('acme/evil', 'hidden-things/x', 'kit/a', 'acme/log')
      const choices = fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 20 })
      await fc.assert(
        fc.asyncProperty(name, choices, async (text, written) => {
          for (const [what, answer] of Object.entries(
            await all(naming(writtenBy(text, written))),
          )) {
            const { body } = answer
            assert.not.match(body.toString(), /acme|hidden|kit/i, what)
            assert.match(body.toString(), 'psr/log', what)
          }
        }),
      )
    })

    test('is filtered as names are read by Composer, and not by how they look', async () => {
      for (const [written, isIn] of [
        ['"Acme/Evil"', false],
        [String.raw`"\u0061cme/evil"`, false],
        [String.raw`"acme\u002fevil"`, false],
        [String.raw`"acme\/evil"`, false],
        // A Kelvin sign is no k for PHP.
        ['"\u212Ait/a"', true],
        ['"acmeish/log"', true],
        ['"notacme/acme"', true],
      ] as const) {
        for (const [what, { body }] of Object.entries(await all(naming(written)))) {
          const parsed = JSON.stringify(JSON.parse(body.toString()))
          const name = JSON.parse(written) as string
          assert.is(parsed.includes(name), isIn, `${written} in ${what}`)
          assert.is(isOurs(name), !isIn)
        }
      }
    })

    test('is what is written last, where a member is written twice', async () => {
      const text = '{"packageNames":["acme/one"],"packageNames":["psr/log","acme/two"]}'
      const { body } = await answersOf(text).list(new URLSearchParams(), anybody)
      assert.is(body.toString(), '{"packageNames":["psr/log"]}')
    })

    test('may be a list of all names, which another thread reads', async () => {
      const names = Array.from({ length: 20_000 }, (_, index) => `vendor${index % 7}/name-${index}`)
      const text = JSON.stringify({ packageNames: ['Acme/Evil', ...names, 'hidden-x/y'] })
      const { body } = await answersOf(text).list(new URLSearchParams(), anybody)
      assert.is(body.toString(), JSON.stringify({ packageNames: names }))
      const error = await rejection(answersOf(`${text}]`).list(new URLSearchParams(), anybody))
      assert.is((error as { code?: string }).code, 'upstream_unavailable')
    })

    test('has no members that nobody asked for', async () => {
      for (const { body } of Object.values(await all(naming('"psr/x"')))) {
        assert.not.ok(Object.hasOwn(JSON.parse(body.toString()) as object, 'anything'))
      }
      const text = '{"advisories":{"psr/log":[{"packageName":"acme/x"},{"a":1}],"psr/x":[]}}'
      const query = new URLSearchParams('packages[]=psr/log')
      const { body } = await answersOf(text).advisories(query, anybody)
      assert.is(body.toString(), '{"advisories":{"psr/log":[{"a":1}]}}')
    })

    test('is nothing for a terminal to act on, whatever is printed of it', async () => {
      const evil = '\u001B[2J\u0007a\u009B31m\u202Eb\u2066c\u2028d\r\n\u007F'
      const notices = {
        warning: evil,
        info: evil,
        warnings: [{ versions: '*', message: evil }],
        infos: [{ versions: evil, message: evil }, { versions: 1 }, 'x'],
      }
      const entry = { name: 'psr/log', description: evil, [evil]: [evil] }
      const lists = { results: [entry], providers: [entry], packages: { 'psr/log': entry } }
      const named = { advisories: { 'psr/log': [entry] }, filter: { malware: { 'psr/log': evil } } }
      const text = JSON.stringify({ ...notices, ...lists, ...named, message: evil })
      for (const status of [200, 404, 410, 422, 400]) {
        for (const [what, { body }] of Object.entries(await all(text, status))) {
          const parsed = JSON.parse(body.toString()) as { warning: string }
          const told = JSON.stringify(parsed)
          assert.not.match(told, /\\u00|\\u20|\\u|[\u007F-\u009F\u2028-\u202E\u2066-\u2069]/, what)
          assert.is(parsed.warning, '[2Ja31mbcd', what)
        }
      }
    })

    test('is refused when it is no JSON object, or too deep', async () => {
      for (const text of ['', '[]', 'acme/evil', '{"packageNames":["acme/evil"', '\uFEFF{}']) {
        const answers = answersOf(text)
        const error = await rejection(answers.list(new URLSearchParams(), anybody))
        assert.is((error as { code?: string }).code, 'upstream_unavailable', text)
      }
      const deep = `{"packageNames":[],"x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
      const error = await rejection(answersOf(deep).list(new URLSearchParams(), anybody))
      assert.is((error as { code?: string }).code, 'upstream_unavailable')
    })

    test('that is a refusal says so in its words, and names nothing', async () => {
      const text = '{"status":"error","message":"no query","packageNames":["acme/evil"],"x":{}}'
      for (const [what, { status, body }] of Object.entries(await all(text, 400))) {
        assert.is(status, 400, what)
        assert.equal(JSON.parse(body.toString()), { status: 'error', message: 'no query' })
      }
      assert.is((await all('<html>acme</html>', 404))['list']?.body.toString(), '{}')
    })
  },
)
