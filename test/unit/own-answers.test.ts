import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { Principal } from '../../src/access/principal.ts'
import { PackageName } from '../../src/composer/names.ts'
import { type Answers, createAnswers } from '../../src/private/answers/answers.ts'
import type { OwnPackage } from '../../src/private/answers/own-package.ts'
import { createReserved, namesReservedBy } from '../../src/private/reserved.ts'
import type { RelayAnswer, RelayQuestion } from '../../src/upstream/relay.ts'
import { describe } from '../support/suite.ts'
import { questionsTo } from '../support/upstream-questions.ts'

const ours: readonly OwnPackage[] = ['acme/shop', 'acme/prices', 'umbrella/hats'].map((name) => ({
  packageName: PackageName.parse(name),
  type: name === 'acme/prices' ? 'project' : 'library',
  description: `Everything about ${name.split('/')[1]}`,
  homepage: '',
  keywords: ['secret'],
  provided: name === 'acme/shop' ? ['psr/log-implementation', 'acme/interface'] : [],
  abandoned: false,
}))

const client = { key: 'address 192.0.2.1', hasToken: false }
const admin = { client, principal: { kind: 'admin' }, position: undefined } as const
const nobody = { client, principal: { kind: 'anonymous' }, position: undefined } as const
const reader: Principal = {
  kind: 'token',
  id: '6c1f0d34-8f5e-4b0a-9f3e-0d8b6a1c2e4f',
  name: 'reader',
  grants: [{ scope: 'read', vendors: ['umbrella'] }],
}
const ofUmbrella = { client, principal: reader, position: undefined }

interface World {
  readonly answers: Answers
  readonly asked: readonly RelayQuestion[]
}

/**
 * @param upstreams what every answer of upstream has, or its very text; undefined: it offers nothing.
 * @param claimed is reserved once upstream was asked.
 */
function world(upstreams: unknown, status = 200, claimed?: string): World {
  const asked: RelayQuestion[] = []
  const reserved = createReserved({
    patterns: ['acme', 'hidden-*'],
    isPublished: async () => false,
    published: async () => {
      const claimedNow = claimed === undefined || asked.length === 0 ? [] : [claimed]
      return namesReservedBy(['umbrella', 'opened/log', ...claimedNow])
    },
  })
  const answers = createAnswers({
    ...questionsTo(async (question) => {
      asked.push(question)
      if (upstreams === undefined) return undefined
      const text = typeof upstreams === 'string' ? upstreams : JSON.stringify(upstreams)
      return { status, body: Buffer.from(text), lastModified: 'then' }
    }, upstreams !== undefined),
    listing: async () => ours,
    reservedNames: reserved.reservedNames,
    searchUrl: 'https://packages.example.com/search.json',
  })
  return { answers, asked }
}

function json({ body }: RelayAnswer): unknown {
  return JSON.parse(body.toString())
}

const query = (text: string): URLSearchParams => new URLSearchParams(text)

describe(
  'what Composer asks beside metadata and archives',
  async () => ({}),
  (test) => {
    const upstreams = {
      packageNames: ['acme/shop', 'hidden-vendor/x', 'psr/log'],
      results: [{ name: 'ACME/Decoy' }, { name: 'psr/log' }, { name: 'umbrella/evil' }],
      total: 3,
      providers: [{ name: 'acme/decoy' }, { name: 'monolog/monolog' }],
      advisories: { 'acme/shop': [{ advisoryId: 'bad' }], 'psr/log': [] },
      filter: { malware: { 'acme/shop': '*', 'bad/one': '*' }, other: [] },
    }

    test('has our names, for those who may read them, and none of upstream’s for reserved vendors', async () => {
      const { answers } = world(upstreams)
      const names = async (asker: typeof admin | typeof nobody | typeof ofUmbrella) =>
        json(await answers.list(query(''), asker))
      assert.equal(await names(nobody), { packageNames: ['psr/log'] })
      assert.equal(await names(ofUmbrella), { packageNames: ['umbrella/hats', 'psr/log'] })
      const all = ['acme/shop', 'acme/prices', 'umbrella/hats', 'psr/log']
      assert.equal(await names(admin), { packageNames: all })
    })

    test('finds ours by words in names, descriptions and keywords, on the first page', async () => {
      const { answers } = world(upstreams)
      const found = async (text: string, asker: typeof admin | typeof nobody = admin) => {
        const { results, total } = json(await answers.search(query(text), asker)) as {
          results: { name: string }[]
          total: number
        }
        return [results.map(({ name }) => name), total]
      }
      assert.equal(await found('q=about+SECRET'), [
        ['acme/shop', 'acme/prices', 'umbrella/hats', 'psr/log'],
        6,
      ])
      assert.equal(await found('q=secret&type=project'), [['acme/prices', 'psr/log'], 4])
      assert.equal(await found('q=secret&page=2'), [['psr/log'], 6])
      assert.equal(await found('q=secret', nobody), [['psr/log'], 3])
    })

    test('says which of ours stand for a name', async () => {
      const { answers, asked } = world(upstreams)
      const of = async (name: string) => {
        const { providers } = json(await answers.providers(PackageName.parse(name), admin)) as {
          providers: { name: string }[]
        }
        return providers.map((each) => each.name)
      }
      assert.equal(await of('psr/log-implementation'), ['acme/shop', 'monolog/monolog'])
      assert.is(asked.length, 1)
      assert.equal(await of('acme/interface'), ['acme/shop'])
      assert.is(asked.length, 1, 'upstream is not asked who provides a name of ours')
    })

    test('knows no advisories of ours, and asks about the others alone', async () => {
      const { answers, asked } = world(upstreams)
      const wanted =
        'packages[0]=acme/shop&packages[]=psr/log&packages[2]=pkg:composer/acme/prices&x=acme'
      const told = json(await answers.advisories(query(wanted), admin))
      assert.equal(told, { advisories: { 'acme/shop': [], 'acme/prices': [], 'psr/log': [] } })
      assert.is(asked[0]?.form?.body.toString(), 'packages%5B%5D=psr%2Flog')
      const ofOurs = query('packages[]=acme/shop&packages[]=acme/unknown')
      const alone = json(await answers.advisories(ofOurs, admin))
      assert.equal(alone, { advisories: { 'acme/shop': [] } })
      const hidden = json(await answers.advisories(ofOurs, nobody))
      assert.equal(hidden, { advisories: {} })
      assert.is(asked.length, 1)
    })

    test('says nothing of upstream’s about who is claimed while that is asked', async () => {
      const psr = new URLSearchParams({ 'packages[]': 'psr/log' })
      const monolog = world(upstreams, 200, 'monolog').answers
      const told = await Promise.all([
        world(upstreams, 200, 'psr').answers.list(query(''), nobody),
        world(upstreams, 200, 'psr').answers.search(query('q=log'), nobody),
        monolog.providers(PackageName.parse('psr/log-implementation'), nobody),
        world(upstreams, 200, 'psr').answers.advisories(psr, nobody),
      ])
      for (const answer of told) assert.not.match(answer.body.toString(), /psr|monolog/)
    })

    test('has upstream’s names of an opened vendor, but for those that stay reserved', async () => {
      const names = ['opened/log', 'Opened/LOG', 'opened/logs', 'opened', 'openedX/log']
      const advisories = Object.fromEntries(names.map((name) => [name, []]))
      const { answers, asked } = world({ packageNames: names, advisories })
      assert.equal(json(await answers.list(query(''), nobody)), {
        packageNames: ['opened/logs', 'openedX/log'],
      })
      const wanted = query('packages[]=opened/log&packages[]=opened/logs')
      assert.equal(json(await answers.advisories(wanted, nobody)), {
        advisories: { 'opened/logs': [] },
      })
      assert.is(asked.at(-1)?.form?.body.toString(), 'packages%5B%5D=opened%2Flogs')
      const before = asked.length
      await answers.providers(PackageName.parse('opened/log'), nobody)
      await answers.search(query('q=opened+logs'), nobody)
      assert.is(asked.length, before)
    })

    test('is answered without upstream where it offers nothing', async () => {
      const { answers } = world(undefined)
      assert.equal(json(await answers.list(query('filter=acme%2F%2A'), admin)), {
        packageNames: ['acme/shop', 'acme/prices'],
      })
      assert.equal(json(await answers.list(query('fields[]=type&vendor=acme'), admin)), {
        packages: { 'acme/shop': { type: 'library' }, 'acme/prices': { type: 'project' } },
      })
      assert.equal(json(await answers.search(query('q=hats'), nobody)), { results: [], total: 0 })
    })

    test('filters names as Packagist does', async () => {
      const { answers } = world(undefined)
      for (const [filter, expected] of [
        ['*', ['acme/shop', 'acme/prices', 'umbrella/hats']],
        ['ACME/*', ['acme/shop', 'acme/prices']],
        ['*s*p*', ['acme/shop', 'acme/prices', 'umbrella/hats'].slice(0, 1)],
        ['acme/shop', ['acme/shop']],
        ['acme', []],
        ['*hats', ['umbrella/hats']],
        ['a*a*', []],
        ['acme/shop*shop', []],
      ] as const) {
        const { packageNames } = json(
          await answers.list(query(`filter=${encodeURIComponent(filter)}`), admin),
        ) as { packageNames: string[] }
        assert.equal(packageNames, expected, filter)
      }
    })

    test('has a next page at this server, when upstream has one', async () => {
      const { answers } = world({ results: [], total: 90, next: 'https://evil.example/acme' })
      const next = async (asker: Parameters<Answers['search']>[1]) =>
        (json(await answers.search(query('q=log&page=2'), asker)) as { next?: string }).next
      assert.is(await next(nobody), 'https://packages.example.com/search.json?q=log&page=3')
      assert.is(await next({ ...nobody, position: 1n }), undefined)
    })

    test('never gives upstream a reserved name, whatever is asked', async () => {
      const text = fc.oneof(
        fc.constantFrom('acme', 'acme/shop', 'umbrella/hats', 'hidden-x/y', 'log', 'psr/log', '*'),
        fc.string({ maxLength: 8 }),
      )
      const key = fc.constantFrom(
        'q',
        'filter',
        'vendor',
        'packages[]',
        'packages[3]',
        'updatedSince',
      )
      const pairs = fc.array(
        fc.tuple(
          key,
          fc.array(text).map((all) => all.join(' ')),
        ),
        { maxLength: 4 },
      )
      await fc.assert(
        fc.asyncProperty(pairs, async (entries) => {
          const { answers, asked } = world(upstreams)
          const parameters = new URLSearchParams(
            entries.map(([name, value]): [string, string] => [name, value]),
          )
          for (const asker of [admin, nobody, ofUmbrella]) {
            await answers.search(parameters, asker)
            await answers.list(parameters, asker)
            await answers.advisories(parameters, asker)
          }
          for (const question of asked) {
            const sent = [question.query.toString(), question.form?.body.toString()].join(' ')
            const words = decodeURIComponent(sent.replaceAll('+', ' ').replaceAll('%25', ''))
              .toLowerCase()
              .split(/[^a-z0-9-]+/)
            const isReserved = (word: string) =>
              ['acme', 'umbrella'].includes(word) || word.startsWith('hidden-')
            assert.not.ok(words.some(isReserved), sent)
          }
        }),
      )
    })
  },
)
