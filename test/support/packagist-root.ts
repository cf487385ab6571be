import type { JsonObject } from '../../src/composer/minify.ts'

/** Shaped like Packagist's root file of 2026. */
export const packagistRoot: JsonObject = {
  packages: {},
  'notify-batch': 'https://packages.test/downloads/',
  'providers-url': '/p/%package%$%hash%.json',
  'metadata-url': 'https://repo.packages.test/p2/%package%.json',
  'metadata-changes-url': 'https://packages.test/metadata/changes.json',
  search: 'https://packages.test/search.json?q=%query%&type=%type%',
  list: 'https://packages.test/packages/list.json',
  'security-advisories': { metadata: true, 'api-url': 'https://packages.test/api/advisories/' },
  'providers-api': 'https://packages.test/providers/%package%.json',
  warning: 'Composer 1 has been shut down',
  'warning-versions': '<1.999',
  filter: {
    metadata: true,
    lists: { malware: { enabled: true } },
    'summary-url': 'https://repo.packages.test/lists/all/summary.json',
    'api-url': 'https://packages.test/api/filter/',
  },
}
