import * as assert from 'uvu/assert'
import { createHeadersFor, parseAuth, type Credential } from '../../src/upstream/credentials.ts'
import { describe } from '../support/suite.ts'

function credentialsIn(auth: unknown): readonly Credential[] {
  const parsed = parseAuth(JSON.stringify(auth))
  if ('problem' in parsed) throw new Error(parsed.problem)
  return parsed.credentials
}

function problemOf(text: string): string {
  const parsed = parseAuth(text)
  assert.ok('problem' in parsed, text)
  return parsed.problem
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

describe(
  'credentials of upstream',
  async () => ({}),
  (test) => {
    test('are read from what Composer has in auth.json', () => {
      const credentials = credentialsIn({
        'bitbucket-oauth': {},
        'gitlab-oauth': [],
        bearer: [],
        'github-oauth': { 'github.com': 'ghp_1', 'ghe.example.com': 'ghp_2' },
        'gitlab-token': {
          'gitlab.com': 'glpat-1',
          'git.example.com:8443': { username: 'deploy', token: 'gldt-1' },
        },
        'http-basic': { 'Repo.example.com:443': { username: 'ü', password: 'a:b' } },
      })
      assert.equal(Object.fromEntries(credentials.map(({ host, ...sent }) => [host, sent])), {
        'repo.example.com': { header: 'authorization', value: `Basic ${base64('ü:a:b')}` },
        'api.github.com': { header: 'authorization', value: 'Bearer ghp_1' },
        'ghe.example.com': { header: 'authorization', value: 'Bearer ghp_2' },
        'gitlab.com': { header: 'private-token', value: 'glpat-1' },
        'git.example.com:8443': {
          header: 'authorization',
          value: `Basic ${base64('deploy:gldt-1')}`,
        },
      })
    })

    test('that can not be sent are refused, with the place and without what is secret', () => {
      for (const auth of [
        'x',
        '[]',
        '{"bearer":"s3cr3t"}',
        '{"bearer":{"https://host":"s3cr3t"}}',
        '{"bearer":{"host/path":"s3cr3t"}}',
        '{"bearer":{"host":"s3cr3t\\r\\nX: y"}}',
        '{"bearer":{"host":""}}',
        '{"bitbucket-oauth":{"bitbucket.org":{"consumer-key":"s3cr3t"}}}',
        '{"http-basic":{"host":{"username":"s3cr3t:x","password":"s3cr3t"}}}',
        '{"http-basic":{"host":{"username":"s3cr3t"}}}',
        `{"bearer":{"host":"${'s3cr3t'.repeat(1000)}"}}`,
        '{"bearer":{"host":"s3cr3t"},"http-basic":{"HOST":{"username":"a","password":"s3cr3t"}}}',
        '{"bearer":{"api.github.com":"s3cr3t"},"github-oauth":{"github.com":"s3cr3t"}}',
      ]) {
        assert.not.match(problemOf(auth), 's3cr3t')
      }
      assert.match(problemOf('{"bearer":{"host/path":"x"}}'), 'see bearer')
    })

    test('go to their host over https, and to no other host, port or scheme', () => {
      const headersFor = createHeadersFor(credentialsIn({ bearer: { 'git.test:8443': 'abc' } }))
      const sent = { authorization: 'Bearer abc' }
      assert.equal(headersFor(new URL('https://git.test:8443/x')), sent)
      for (const other of [
        'http://git.test:8443/x',
        'https://git.test/x',
        'https://git.test:8444/x',
        'https://a.git.test:8443/x',
        'https://git.test.evil.test:8443/x',
      ]) {
        assert.equal(headersFor(new URL(other)), {}, other)
      }
    })

    test('of GitHub go to its API alone', () => {
      const headersFor = createHeadersFor(credentialsIn({ 'github-oauth': { 'github.com': 'x' } }))
      assert.equal(headersFor(new URL('https://api.github.com/x')), { authorization: 'Bearer x' })
      for (const host of ['github.com', 'codeload.github.com', 'raw.githubusercontent.com']) {
        assert.equal(headersFor(new URL(`https://${host}/x`)), {}, host)
      }
    })
  },
)
