import { parseConstraint } from './constraints.ts'
import { trim } from './versions.ts'

/** Whether a list can say it. What can't be stored as it was written can't be read later either. */
export function isReadableConstraint(text: string): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(text) && parseConstraint(text) !== undefined
}

/** What is sent for the constraint of a rule: one that Composer can't read would cost it all the others. */
export function sentConstraint(text: string): string {
  return isReadableConstraint(text) ? text : '*'
}

/** The texts of its alternatives. */
function alternativesIn(constraint: string): readonly string[] {
  return trim(constraint)
    .split(/\|\|?/)
    .map((alternative) => trim(alternative))
}

/** Of its alternatives, those that none of the other constraints has, letter by letter. */
export function alternativesBeside(
  constraint: string,
  others: readonly string[],
): readonly string[] {
  const known = new Set(others.flatMap(alternativesIn))
  return alternativesIn(constraint).filter((alternative) => !known.has(alternative))
}
