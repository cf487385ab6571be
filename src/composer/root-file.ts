import { isJsonObject, type JsonObject } from './minify.ts'

/**
 * Reads an upstream root file. What is in it is looked at where it is used.
 *
 * @throws SyntaxError when it isn't a JSON object.
 */
export function parseRootFile(bytes: Buffer): JsonObject {
  const root: unknown = JSON.parse(bytes.toString('utf8'))
  if (!isJsonObject(root)) throw new SyntaxError('not a JSON object')
  return root
}
