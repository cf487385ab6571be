export const executableBit = 0o100
const specialBits = 0o7000

/**
 * Whether a file's mode has more than permissions: who runs a setuid file has the rights of its owner.
 * Directories are not asked: none of it lets anybody run anything there, and shared ones are setgid.
 */
export function isSpecial(mode: number): boolean {
  return (mode & specialBits) !== 0
}

export const specialMode = 'is setuid, setgid or sticky'
