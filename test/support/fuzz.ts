import { randomInt } from 'node:crypto'
import { times } from './long.ts'

/** How a fuzz is run: `FUZZ_SECONDS` says for how long, and `FUZZ_SEED` from which seed. */
export interface Fuzz {
  /** A seed for each round. What a round found is found again by the first round from its seed. */
  readonly rounds: () => Generator<number>
}

/**
 * It says each seed before the round, so that a round which never ends has told it as well.
 *
 * @param seconds without the variable, and ten times that by `npm run test:all`. There is one round at least, and the last one may take longer.
 */
export function fuzz(what: string, seconds: number): Fuzz {
  const { FUZZ_SECONDS, FUZZ_SEED } = process.env
  const first = FUZZ_SEED === undefined ? randomInt(2 ** 31) : Number(FUZZ_SEED)
  const limitMs =
    (FUZZ_SECONDS === undefined ? times(seconds, 10 * seconds) : Number(FUZZ_SECONDS)) * 1000
  return {
    *rounds() {
      const begunAt = performance.now()
      for (let seed = first; ; seed++) {
        process.stdout.write(`fuzz of ${what}: FUZZ_SEED=${seed}\n`)
        yield seed
        if (performance.now() - begunAt >= limitMs) return
      }
    },
  }
}
