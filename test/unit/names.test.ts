import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  DocumentName,
  documentName,
  packageOfDocument,
  PackageName,
  parsePackageName,
  rootDocument,
} from '../../src/composer/names.ts'
import { patientMs } from '../support/slowness.ts'
import { describe } from '../support/suite.ts'

fc.configureGlobal({ seed: 20_240_501 })

const isName = (text: string): boolean => PackageName.safeParse(text).success

/** Paths with which caches and registries were really attacked, as a package's name. */
const hostile = [
  '',
  '/',
  'vendor',
  'vendor/',
  '/name',
  '//name',
  'a/b/c',
  'vendor/../name',
  '../name',
  './name',
  'vendor/..',
  'vendor/.',
  'vendor/.name',
  'vendor/name.',
  'vendor/name ',
  'vendor/na me',
  'vendor\\name',
  'vendor/..;/name',
  'vendor/name;x',
  '%2e%2e%2f/name',
  'vendor/%2e%2e%2fname',
  'vendor%2fname',
  'vendor%2f%2fname',
  'vendor%5cname',
  'vendor/name%00',
  'vendor/name\0',
  'vendor/name%0d%0a',
  'vendor/name\r\n',
  'vendor/name\n',
  'vendor/name%23',
  'vendor/name%3f',
  'vendor/%252e',
  'vendor/name#x',
  'vendor/name?x',
  'Vendor/Pkg',
  'vendor/Name',
  'vendor/name~dev',
  'vendor/name~dev~dev',
  'vendor/name$hash',
  'http://host/vendor/name',
  '__proto__/constructor',
  'vendor/__proto__',
  '-vendor/name',
  'vendor-/name',
  'ven--dor/name',
  'vendor/na---me',
  'vendor/na..me',
  'vendor/na._me',
  'vendor/caf\u00e9',
  'vendor/cafe\u0301',
  'vendor/\u0430bc',
]

describe(
  'package names',
  async () => ({}),
  (test) => {
    test('are lower case, with single separators between letters and digits', () => {
      for (const text of [
        'a/b',
        'symfony/polyfill-php80',
        'paragonie/random_compat',
        'vendor/na--me',
        'vendor.with-dots_and/name.json',
        'con/nul',
        '0/0',
      ]) {
        assert.ok(isName(text), text)
      }
    })

    test('hold nothing that a path, a URL or a prototype could be reached by', () => {
      for (const text of hostile) assert.not(isName(text), JSON.stringify(text))
    })

    test('have at most 200 characters', () => {
      assert.ok(isName(`a/${'b'.repeat(198)}`))
      assert.not(isName(`a/${'b'.repeat(199)}`))
      assert.not(isName(`a/${'b'.repeat(8192)}`))
    })

    test('are recognised in no time, however they are built', () => {
      const worst = [`${'a'.repeat(198)}/`, `a/${'b-'.repeat(98)}`, `a/${'b--'.repeat(60)}!`]
      const startedAt = performance.now()
      for (const text of worst) for (let run = 0; run < 1000; run++) isName(text)
      // Composer's own pattern needs longer than this for one text of 30 characters.
      assert.ok(performance.now() - startedAt < patientMs(1000))
    })

    test('are put together from the two halves of a path', () => {
      assert.is(parsePackageName('symfony', 'console'), 'symfony/console')
      assert.is(parsePackageName('symfony/console', ''), undefined)
      assert.is(parsePackageName('', 'symfony/console'), undefined)
      assert.is(parsePackageName('symfony', 'console/extra'), undefined)
      assert.is(parsePackageName('Symfony', 'console'), undefined)
      assert.is(parsePackageName('symfony', 'console~dev'), undefined)
    })
  },
)

describe(
  'document names',
  async () => ({}),
  (test) => {
    const anyName = fc
      .stringMatching(
        /^[a-z0-9]{1,5}([_.-][a-z0-9]{1,5}){0,3}\/[a-z0-9]{1,5}(([_.]|--?)[a-z0-9]{1,5}){0,3}$/,
      )
      .map((text) => PackageName.parse(text))

    test('are made from a package and a kind, and lead back to both', () => {
      fc.assert(
        fc.property(anyName, fc.constantFrom('tags', 'branches'), (packageName, kind) => {
          const document = documentName(packageName, kind)
          assert.ok(DocumentName.safeParse(document).success)
          assert.equal(packageOfDocument(document), { packageName, kind })
        }),
      )
    })

    test('of the longest package still fit', () => {
      const longest = PackageName.parse(`a/${'b'.repeat(198)}`)
      assert.is(documentName(longest, 'branches'), `${longest}~dev`)
    })

    test('of the root file belong to no package', () => {
      assert.is(rootDocument, 'packages.json')
      assert.is(packageOfDocument(rootDocument), undefined)
    })

    test('are nothing else', () => {
      const others = hostile.filter((text) => text !== 'vendor/name~dev')
      for (const text of [...others, 'packages.json~dev', 'Packages.json', 'vendor/name~Dev']) {
        assert.not(DocumentName.safeParse(text).success, JSON.stringify(text))
      }
    })
  },
)
