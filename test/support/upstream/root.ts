/** As Packagist's, of a world at this URL. */
export function rootFile({
  url,
  hasFeed,
  hasLists,
}: {
  readonly url: string
  readonly hasFeed: () => boolean
  readonly hasLists: boolean
}): object {
  return {
    packages: [],
    'notify-batch': `${url}/downloads/`,
    'providers-url': '/p/%package%$%hash%.json',
    'metadata-url': `${url}/p2/%package%.json`,
    ...(hasFeed() && { 'metadata-changes-url': `${url}/metadata/changes.json` }),
    search: `${url}/search.json?q=%query%&type=%type%`,
    list: `${url}/packages/list.json`,
    'security-advisories': { metadata: true, 'api-url': `${url}/api/security-advisories/` },
    'providers-api': `${url}/providers/%package%.json`,
    warning: 'Support for Composer 1 has been shutdown.',
    'warning-versions': '<1.999',
    providers: [],
    ...(hasLists && {
      filter: {
        metadata: true,
        lists: { malware: { enabled: true } },
        'summary-url': `${url}/lists/all/summary.json`,
      },
    }),
  }
}
