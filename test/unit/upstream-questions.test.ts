import * as assert from 'uvu/assert'
import { namesVendor } from '../../src/private/answers/plain-words.ts'
import { questionForUpstream } from '../../src/private/answers/questions.ts'
import { describe } from '../support/suite.ts'

/** What is put to upstream, decoded; undefined: it isn't asked. */
function passedOn(endpoint: 'search' | 'list', query: string): string | undefined {
  const reserved = { patterns: ['acme', 'umbrella', 'hidden-*', 'opened/ours'] }
  const question = questionForUpstream(endpoint, new URLSearchParams(query), reserved)
  return question && [...question].map((pair) => pair.join('=')).join('&')
}

describe(
  'a question for upstream',
  async () => ({}),
  (test) => {
    test('is none when it names a reserved vendor, however that is written', () => {
      for (const text of [
        'acme',
        'acme.',
        'acme/secret-thing',
        '/acme/secret',
        'ACME/Secret',
        '"acme/x"',
        'vendor:acme',
        'acme-tools',
        'https://github.com/acme/secret',
        'git@github.com:acme/secret.git',
        'hidden-things/x',
        'hidden things',
        'opened/ours',
        'Opened',
        'umbrella',
        'x%2facme%2fy',
        '%61cme',
        '%2561cme',
        '&#97;cme',
        '&#x61;cme',
        String.raw`\u0061cme`,
        String.raw`Acme\Secret`,
        'AcmeSecret',
        String.raw`AcmeTools\Log`,
        'HiddenThings',
        'a.c.m.e',
        'ａｃｍｅ',
        'ac\u200Bme',
        'ac\u00ADme',
        'acm\u00E9',
        '\u0430cme', // A Cyrillic a.
        'x'.repeat(201),
      ]) {
        const encoded = encodeURIComponent(text)
        assert.is(passedOn('search', `q=${encoded}`), undefined, text)
        assert.is(passedOn('search', `q=log&tags[]=${encoded}`), undefined, text)
        assert.is(passedOn('search', `q=log&tags[3]=x&tags[4]=${encoded}`), undefined, text)
        assert.is(passedOn('list', `filter=${encoded}`), undefined, text)
        assert.is(passedOn('list', `vendor=${encoded}`), undefined, text)
      }
      for (const query of ['q=log&type=acme', 'q=log&page=acme', 'q=log&q=two']) {
        assert.is(passedOn('search', query), undefined, query)
      }
      for (const query of ['vendor=acm*', 'filter=*cme/secret', 'filter=hid*', 'filter=a*/log']) {
        assert.is(passedOn('list', query), undefined, query)
      }
      for (const query of ['filter=acme*', 'filter=*Acme*', 'type=acme', 'filter=a&filter=b']) {
        assert.is(passedOn('list', query), undefined, query)
      }
    })

    test('has known parameters only, as they are understood', () => {
      const rest = '&token=s3cret&acme/secret=1&at=2026-05-01'
      for (const [query, expected] of [
        ['q=acmeish+log', 'q=acmeish log'],
        ['q=%22psr/log%22+(c%2B%2B)', 'q=psr/log c++'],
        ['q=日本語 größe', 'q=日本語 größe'],
        ['q=R%26D 50%25', 'q=R D 50'],
        [
          'q=log&type=library&tags[]=a&tags=b&page=2&per_page=50',
          'q=log&type=library&tags[]=a&tags[]=b&page=2&per_page=50',
        ],
        ['q=&type=', ''],
      ] as const) {
        assert.is(passedOn('search', query + rest), expected)
      }
      const list = 'vendor=psr&filter=psr/*&fields[]=type'
      assert.is(passedOn('list', list + rest), list)
      assert.is(passedOn('list', `${list}&fields[]=name`), undefined, 'there is no such field')
    })
  },
)

describe(
  'a vendor in a text',
  async () => ({}),
  (test) => {
    for (const [text, pattern, isNamed] of [
      ['acme', 'acme', true],
      ['the ACME_log', 'acme', true],
      ['acmeish', 'acme', false],
      ['tactics of ace', 'ac', false],
      ['ac-dc', 'ac', true],
      ['Acme Corp', 'acme-corp', true],
      ['acme.corp/log', 'acme-corp', true],
      ['acmecorp', 'acme-corp', true],
      ['AcmeCorp', 'acme-corp', true],
      ['AcmeIsh', 'acme', true],
      ['BigProject', 'big-*', true],
      ['a.c.m.e', 'acme', true],
      ['a b c', 'ab', false],
      ['acme log', 'acme-*', true],
      ['acme', 'acme-*', false],
      ['my-corp', '*-corp', true],
      ['corp', '*-corp', false],
      ['developer', 'dev*', true],
      ['a dev', 'dev*', true],
      ['xdev', 'dev*', false],
      ['big-acme-shop', '*acme*', true],
      ['K\u0131t', 'kit', true], // A small i without a dot.
    ] as const) {
      test(`${pattern} is ${isNamed ? '' : 'not '}one in ${text}`, () => {
        assert.is(namesVendor(text, [pattern]), isNamed)
      })
    }
  },
)
