const suggestionDistanceMax = 3

/** Shorter ones are one edit from too much: HOST from HOME. */
const settingLengthMin = 6

/** No setting is nearly as long; what is can't be meant for us, and would cost time to compare. */
const nameLengthMax = 64

const ownPrefix = /^(?:PROXY|PRIVATE|PUBLIC)_./

/** What other programs have there, whatever it looks like. */
const ofOthers = /^PG|_PROXY$/

/** A warning for each name that looks like a setting and is none, with the one that was meant perhaps. */
export function unknownSettings(names: readonly string[], known: readonly string[]): string[] {
  return names.flatMap((name) => {
    if (known.includes(name) || name.length > nameLengthMax) return []
    const nearest = nearestSetting(name, known)
    if (!looksLikeOurs(name, nearest)) return []
    const isClose = nearest !== undefined && nearest.distance <= suggestionDistanceMax
    const suggestion = isClose ? `; did you mean ${nearest.setting}?` : ''
    return [`${name} isn't a setting of this release and has no effect${suggestion}`]
  })
}

interface Nearest {
  readonly setting: string
  readonly distance: number
}

function looksLikeOurs(name: string, nearest: Nearest | undefined): boolean {
  if (ofOthers.test(name.toUpperCase())) return false
  if (nearest !== undefined && nearest.distance <= 1) return true
  // Such as PRIVATE_TOKEN, which is GitLab's.
  return ownPrefix.test(name) && !name.endsWith('_TOKEN')
}

function nearestSetting(name: string, known: readonly string[]): Nearest | undefined {
  const [nearest] = known
    .filter((setting) => setting.length >= settingLengthMin)
    .map((setting) => ({ setting, distance: editDistance(name.toUpperCase(), setting) }))
    .toSorted((left, right) => left.distance - right.distance)
  return nearest
}

/** How many letters have to be put in, left out, replaced or swapped with the next to get from one name to the other. */
function editDistance(from: string, to: string): number {
  // Between their beginnings of `row` and `column` letters.
  const distances: number[][] = []
  const at = (row: number, column: number): number => distances[row]?.[column] ?? Infinity
  for (let row = 0; row <= from.length; row++) {
    distances.push([])
    for (let column = 0; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1]
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const ways = [
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (isSame ? 0 : 1),
        isSwapped ? at(row - 2, column - 2) + 1 : Infinity,
      ]
      distances[row]?.push(row + column === 0 ? 0 : Math.min(...ways))
    }
  }
  return at(from.length, to.length)
}
