/**
 * Whether `npm run test:all` runs this file: it takes the files that import this
 * module, `fuzz.ts` or `every-composer.ts`, and so have more to do when nobody waits.
 */
export const isLong = process.env['TEST_LONG'] !== undefined

/** How often something random is tried: a few times by `npm test`, and often by `npm run test:all`. */
export function times(few: number, often: number): number {
  return isLong ? often : few
}
