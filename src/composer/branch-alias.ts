import type { JsonObject } from './minify.ts'
import { isPhpArray } from './php-values.ts'
import { composer1DefaultBranch, normalizeBranch } from './versions.ts'

/**
 * Why Composer throws at what a branch says it stands for: an alias that is no text. It looks at one after another, up to
 * the one of this branch.
 */
export function problemOfBranchAlias({ version, extra }: JsonObject): string | undefined {
  if (typeof version !== 'string') return undefined
  if (!version.startsWith('dev-') && !version.endsWith('-dev')) return undefined
  for (const [branch, alias] of aliasesIn(extra)) {
    if (typeof alias !== 'string') return 'extra.branch-alias: not texts only'
    if (isAliasOf(version, branch, alias)) return undefined
  }
  return undefined
}

function aliasesIn(extra: unknown): readonly (readonly [string, unknown])[] {
  if (!isPhpArray(extra) || !('branch-alias' in extra)) return []
  const aliases = extra['branch-alias']
  return isPhpArray(aliases) ? Object.entries(aliases) : []
}

function isAliasOf(version: string, branch: string, alias: string): boolean {
  if (!alias.endsWith('-dev') || version.toLowerCase() !== branch.toLowerCase()) return false
  const target = alias === composer1DefaultBranch ? alias : normalizeBranch(alias.slice(0, -4))
  if (!target.endsWith('-dev')) return false
  const [from, to] = [numericPrefix(branch), numericPrefix(alias)]
  return from === undefined || to === undefined || to.startsWith(from)
}

/** `1.2.` of `1.2.x-dev`. */
function numericPrefix(branch: string): string | undefined {
  const numbers = /^((?:\d+\.)*\d+)(?:\.x)?-dev$/i.exec(branch)?.[1]
  return numbers === undefined ? undefined : `${numbers}.`
}
