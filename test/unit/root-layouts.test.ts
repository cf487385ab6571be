import * as assert from 'uvu/assert'
import { problemOfRootFile } from '../../src/composer/root-file.ts'
import { packagistRoot } from '../support/packagist-root.ts'
import { describe } from '../support/suite.ts'

const problemOf = (root: unknown) => problemOfRootFile(Buffer.from(JSON.stringify(root)))

const readable = [
  ['Packagist', packagistRoot],
  ['Satis', { packages: [], 'metadata-url': '/satis/p2/%package%.json', includes: { a: {} } }],
  ['GitLab', { 'metadata-url': '/api/v4/group/7/-/packages/composer/p2/%package%.json' }],
  ['a root at a date', { 'metadata-url': 'https://a.test/at/20260501T120000Z/p2/%package%.json' }],
  ['a root with packages beside', { packages: { 'a/b': {} }, 'metadata-url': 'p2/%package%.json' }],
] as const

const composer1 = {
  packages: [],
  'provider-includes': { 'p/provider-latest$%hash%.json': { sha256: 'ab' } },
  'providers-url': '/p/%package%$%hash%.json',
}

const others = [
  [composer1, 'in the layout of Composer 1 (`provider-includes`, `providers-url`)'],
  [{ 'providers-lazy-url': '/p/%package%.json' }, 'Composer 1 (`providers-lazy-url`)'],
  [{ packages: { 'acme/log': { '1.0.0': {} } } }, 'all packages are in itself (`packages`)'],
  [{ packages: [{ name: 'acme/log' }] }, 'all packages are in itself (`packages`)'],
  [{ packages: [], includes: { 'include/all$ab.json': {} } }, '(`includes`), as Satis'],
  [{ 'metadata-url': '/metadata/%package%.json' }, 'its `metadata-url` is another'],
  [{ 'metadata-url': '/xp2/%package%.json' }, 'its `metadata-url` is another'],
  [{ 'metadata-url': '' }, 'it names no place of documents'],
  [{ 'metadata-url': ['/p2/%package%.json'] }, 'it names no place of documents'],
  [{ packages: [] }, 'it names no place of documents'],
  [{}, 'it names no place of documents'],
] as const

describe(
  'the root file of an upstream',
  async () => ({}),
  (test) => {
    for (const [name, root] of readable) {
      test(`is taken from ${name}`, () => assert.is(problemOf(root), undefined))
    }

    for (const [root, has] of others) {
      test(`is refused with what it has: ${JSON.stringify(root)}`, () => {
        const problem = problemOf(root) ?? ''
        assert.match(problem, has)
        assert.match(problem, 'what can be read is a repository with `metadata-url`')
        assert.ok(problem.length < 200)
      })
    }

    for (const [text, problem] of [
      ['<!DOCTYPE html><title>Down</title>', 'an HTML or XML page, not JSON'],
      ['\n  <?xml version="1.0"?>', 'an HTML or XML page, not JSON'],
      ['Not found', 'not JSON'],
      ['', 'not JSON'],
      ['[]', 'not a JSON object'],
      ['"<html>"', 'not a JSON object'],
      [
        `{"metadata-url":"/p2/%package%.json","a":${'['.repeat(70)}${']'.repeat(70)}}`,
        'deeper than',
      ],
    ] as const) {
      test(`is refused when it is none: ${text.slice(0, 40)}`, () => {
        assert.match(problemOfRootFile(Buffer.from(text)) ?? '', problem)
      })
    }
  },
)
