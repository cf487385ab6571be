import { z } from 'zod'

/** What somebody has to do otherwise; ends the program with code 1. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

const Problem = z.object({ detail: z.string() })

/** Why the server said no, in its own words where it has any. */
export function refusalOf(url: string, status: number, body: string): Refusal {
  const { data: problem } = Problem.safeParse(jsonOf(body))
  if (problem !== undefined) return new Refusal(problem.detail)
  const said = `${url} answered with status ${status}`
  // Almanac's own 413 has words.
  if (status === 413) {
    return new Refusal(
      `${said}: the proxy in front allows no body of that size; raise its limit, ` +
        'client_max_body_size in nginx, as docs/PROXY.md has it',
    )
  }
  return new Refusal(said)
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function unreachable(url: string, error: unknown): Refusal {
  return new Refusal(`${url} can't be reached: ${String(error)}`)
}
