/** Memory for slices of blobs, which is used again and again. */
export interface SliceMemory {
  readonly take: () => Buffer
  /** Nothing may look at it any more, or write into it. */
  readonly giveBack: (slice: Buffer) => void
}

/**
 * Larger slices cost less in PostgreSQL (with half a MiB a third more), and more of the processor's cache
 * here; and each client that is slow holds one.
 */
export const sliceBytes = 1024 * 1024
/** What is kept for the next readers; once more read at once, each slice of theirs is new memory. */
const sparesMax = 32

/**
 * New memory for each slice would be with the garbage collector for a while: 32 readers of 20 MB made the
 * process grow by 120 MiB, by hundreds when they read fast.
 */
export function createSliceMemory(): SliceMemory {
  const spares: Buffer[] = []
  return {
    take: () => spares.pop() ?? Buffer.allocUnsafeSlow(sliceBytes),
    giveBack(slice) {
      if (spares.length < sparesMax) spares.push(slice)
    },
  }
}
