import { Refusal } from './refusal.ts'

const lineLengthMax = 1024 * 1024

/**
 * The lines of an answer as they come, without empty ones.
 *
 * @throws Refusal when one has no end.
 */
export async function* linesIn(answer: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let begun = ''
  for await (const piece of answer) {
    const lines = (begun + decoder.decode(piece, { stream: true })).split('\n')
    begun = lines.pop() ?? ''
    yield* lines.filter((line) => line !== '')
    if (begun.length > lineLengthMax) throw new Refusal('the answer has a line without an end')
  }
  if (begun !== '') yield begun
}
