import { isJsonObject } from './minify.ts'

/** The list that rules are of: Composer refuses what is on it unless it is told otherwise. */
export const malwareList = 'malware'

/** Packagist has one. */
const listsMax = 20
/** Not like a number, of which PHP makes one: Composer then gives up the whole summary. */
const listName = /^[a-z][a-z0-9_.-]{0,99}$/i

/** What Composer has other uses for, or may have: it leaves out such lists, and some versions of it stop there. */
const reservedNames =
  /^(?:advisories|abandoned|cooldown|packages?|licen[sc]es?|support|maintenance|security|minimum-release-age|ignore.*)$/i

/** Whether upstream may have a list of this name beside that of malware. */
function isFurtherList(name: string): boolean {
  return listName.test(name) && name !== malwareList && !reservedNames.test(name)
}

/** Those lists among the members, which are named after them; no more than Composer has to be asked about. */
export function furtherLists(members: unknown): readonly (readonly [string, unknown])[] {
  if (!isJsonObject(members)) return []
  return Object.entries(members)
    .filter(([name]) => isFurtherList(name))
    .slice(0, listsMax)
}
