import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'

/** Folders that are looked into: a start is no search of the disk. */
const foldersMax = 500

/**
 * A directory of data in a folder beside the one that `dataDirectory` is in, such as the checkout of the release before, in which
 * `./data` was another. The first by name; undefined: there is none.
 */
export function dataBeside(dataDirectory: string): string | undefined {
  const folder = path.dirname(dataDirectory)
  const parent = path.dirname(folder)
  const name = path.basename(dataDirectory)
  return foldersIn(parent)
    .map((each) => path.join(parent, each, name))
    .find((each) => each !== dataDirectory && isFull(each))
}

function foldersIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).toSorted().slice(0, foldersMax)
  } catch {
    return [] // one that is closed to us has nothing for us
  }
}

function isFull(dataDirectory: string): boolean {
  return existsSync(path.join(dataDirectory, 'postgresql', 'PG_VERSION'))
}
