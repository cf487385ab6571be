import { LRUCache } from 'lru-cache'
import { normalizeVersion } from './versions.ts'

const operator = /^(?:<>|!=|==|[<>]=?|=|[~^])?\s*/
const anyVersion = /^v?[x*](?:\.[x*])*$/i
/** `1.*`, `1.2.x`, `1.x-dev` */
const wildcard = /^v?\d+(?:\.\d+)*(?:\.[x*])+(?:-dev)?$/i
/** `master-dev`, as branches were once written */
const branch = /-dev$/i
const lengthMax = 2_000
/** The versions of a document have mostly the same ones: reading each once takes less than half the time. */
const answers = new LRUCache<string, boolean>({ max: 5_000 })

/**
 * Whether a link's constraint is one that Composer can read: alternatives by `||`, of which each is all
 * of its parts. Errs on the side of yes: what Composer refuses in rarer ways is let through.
 */
export function isConstraint(text: string): boolean {
  if (text.length > lengthMax) return false
  const known = answers.get(text)
  if (known !== undefined) return known
  const answer = isReadable(text)
  answers.set(text, answer)
  return answer
}

function isReadable(text: string): boolean {
  const constraint = text.trim()
  if (constraint === '' || constraint === 'self.version') return true
  return constraint.split(/\s*\|\|?\s*/).every(isAlternative)
}

function isAlternative(text: string): boolean {
  // `1.0 - 2.0` is a range, `dev-main as 1.0` an alias, `>= 1.0` one part with a space in it.
  const parts = text
    .replaceAll(/([<>=!~^])\s+/g, '$1')
    .split(/\s+-\s+|\s+as\s+|\s*,\s*|\s+/)
    .filter((part) => part !== '')
  return parts.every(isPart)
}

function isPart(part: string): boolean {
  const version = part
    .replace(operator, '')
    .replace(/#.*$/, '')
    .replace(/@(?:stable|rc|beta|alpha|dev)$/i, '')
  return (
    version === '' ||
    anyVersion.test(version) ||
    wildcard.test(version) ||
    branch.test(version) ||
    normalizeVersion(version) !== undefined
  )
}
