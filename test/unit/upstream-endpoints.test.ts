import * as assert from 'uvu/assert'
import { upstreamEndpoints } from '../../src/composer/packages-json.ts'
import { parseRootFile } from '../../src/composer/root-file.ts'
import { packagistRoot } from '../support/packagist-root.ts'
import { describe } from '../support/suite.ts'

describe(
  'upstream endpoints',
  async () => ({}),
  (test) => {
    test('are taken from the root file, templates and all', () => {
      assert.equal(upstreamEndpoints(packagistRoot, 'https://repo.packages.test'), {
        search: 'https://packages.test/search.json?q=%query%&type=%type%',
        list: 'https://packages.test/packages/list.json',
        providersApi: 'https://packages.test/providers/%package%.json',
        securityAdvisories: 'https://packages.test/api/advisories/',
        filterSummary: 'https://repo.packages.test/lists/all/summary.json',
        metadataChanges: 'https://packages.test/metadata/changes.json',
        notifyBatch: 'https://packages.test/downloads/',
      })
    })

    test('that begin with a slash are on the host of upstream, whatever its path', () => {
      const root = { search: '/search.json?q=%query%', list: '//elsewhere/x' }
      assert.equal(upstreamEndpoints(root, 'http://host:8901/some/path/'), {
        search: 'http://host:8901/search.json?q=%query%',
        list: 'http://host:8901//elsewhere/x',
      })
    })

    test('that are not http or https are left out', () => {
      for (const value of [
        'search.json',
        'file:///etc/passwd',
        'ftp://host/x',
        'javascript:x',
        'https:host',
        'https:\\\\host',
        'https://',
        'https://user:secret@host/',
        'https://ho st/',
        'https://host/\r\nx',
        'https://[host/',
        ' https://host/',
        '',
        7,
        null,
        {},
      ]) {
        assert.equal(
          upstreamEndpoints({ search: value }, 'https://host'),
          {},
          JSON.stringify(value),
        )
      }
      const broken = { 'security-advisories': null, filter: 'https://host/' }
      assert.equal(upstreamEndpoints(broken, 'https://host'), {})
    })

    test('says nothing when a former release kept one that is past a limit', () => {
      const deep = `{"filter":{"lists":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`
      assert.equal(parseRootFile(Buffer.from(deep)), {})
    })
  },
)
