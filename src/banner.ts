import { trialNotice } from './composer/notices.ts'

export interface BannerFacts {
  readonly version: string
  readonly publicUrl: string
  /** Nobody has said how clients reach it. */
  readonly isTrial: boolean
  /** As the metadata's dates are written: an example of a pin. */
  readonly yesterday: string
  readonly generatedToken: string | undefined
}

/** What the operator sees once everything is ready: the URL, what to paste, and the token if it is new. */
export function banner(facts: BannerFacts): string {
  const { version, publicUrl, isTrial, yesterday, generatedToken } = facts
  const composerJson = {
    repositories: [{ type: 'composer', url: publicUrl }, { 'packagist.org': false }],
    ...(publicUrl.startsWith('http:') ? { config: { 'secure-http': false } } : {}),
  }
  const token =
    generatedToken === undefined
      ? ''
      : `\nAdmin token, shown this once (or set ADMIN_TOKEN yourself):\n\n  ${generatedToken}\n`
  return `
Almanac ${version} is ready.
${isTrial ? `\nIt is ${trialNotice(publicUrl)}.\n` : ''}
  Composer repository   ${publicUrl}
  the same as of a day  ${publicUrl}/at/${yesterday}

Put this into composer.json:

${JSON.stringify(composerJson, null, 2)}
${token}
`
}
