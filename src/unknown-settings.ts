const suggestionDistanceMax = 3

/** A warning for each name that looks like a setting and is none, with the one that was meant perhaps. */
export function unknownSettings(names: readonly string[], known: readonly string[]): string[] {
  const unknown = names.filter((name) => name.startsWith('PROXY_') && !known.includes(name))
  return unknown.map((name) => {
    const [nearest] = known
      .map((other) => ({ other, distance: editDistance(name, other) }))
      .toSorted((left, right) => left.distance - right.distance)
    const isClose = nearest !== undefined && nearest.distance <= suggestionDistanceMax
    const suggestion = isClose ? `; did you mean ${nearest.other}?` : ''
    return `${name} isn't a setting of this release and has no effect${suggestion}`
  })
}

/** How many letters have to be put in, left out or replaced to get from one name to the other. */
function editDistance(from: string, to: string): number {
  let distances = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const letter of from) {
    const [first = 0] = distances
    const next = [first + 1]
    for (let index = 0; index < to.length; index++) {
      const replaced = (distances[index] ?? 0) + (letter === to[index] ? 0 : 1)
      next.push(Math.min(replaced, (distances[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1))
    }
    distances = next
  }
  return distances[to.length] ?? 0
}
