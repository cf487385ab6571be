/** Says of what only some releases throw at which they are, of those that were tried. */
export function thrownAtBy(releases: string, problem: string): string {
  return `${problem}; ${releases} ${releases.includes(' to ') ? 'throw' : 'throws'} at it`
}

export const notAnArray = 'neither a list nor an object'
