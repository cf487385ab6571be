import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parsers } from 'prettier/plugins/typescript'
import { analyse } from 'scslre'

const project = path.join(import.meta.dirname, '../..')

export interface Expression {
  readonly file: string
  readonly source: string
  readonly flags: string
}

function sourceFiles(): readonly string[] {
  return ['src', 'projections', 'migrations'].flatMap((folder) =>
    readdirSync(path.join(project, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => path.join(folder, file)),
  )
}

/** All literals of our sources, and the files that make others of text while they are loaded. */
export async function readSources(): Promise<{
  readonly literals: readonly Expression[]
  readonly making: readonly string[]
}> {
  const literals: Expression[] = []
  const making: string[] = []
  for (const file of sourceFiles()) {
    const text = readFileSync(path.join(project, file), 'utf8')
    if (text.includes('new RegExp(')) making.push(file)
    const tree: unknown = await parsers.typescript.parse(text, {} as never) // it reads no option of prettier's
    collect(tree, (source, flags) => literals.push({ file, source, flags }))
  }
  return { literals, making }
}

function collect(node: unknown, found: (source: string, flags: string) => void): void {
  if (typeof node !== 'object' || node === null) return
  if ('regex' in node) {
    const { pattern, flags } = node.regex as { pattern: string; flags: string } // as ESTree has it
    return found(pattern, flags)
  }
  for (const [key, value] of Object.entries(node)) if (key !== 'tokens') collect(value, found)
}

/**
 * Loads these files and returns the expressions that are made meanwhile.
 *
 * @param straight has the expressions of `src/http/straight.ts` made, which it makes of routes.
 */
export async function madeBy(
  files: readonly string[],
  straight: () => unknown,
): Promise<readonly Expression[]> {
  const made: Expression[] = []
  const original = globalThis.RegExp
  for (const file of files) {
    globalThis.RegExp = new Proxy(original, {
      construct(target, [source, flags = '']: [string, string?]) {
        made.push({ file, source, flags })
        return new target(source, flags)
      },
    })
    try {
      // With a query it is loaded anew, however it was imported before.
      await import(`${path.join(project, file)}?expressions`)
      if (file.endsWith('straight.ts')) straight()
    } finally {
      globalThis.RegExp = original
    }
  }
  return made
}

/** What takes time that grows faster than a text; undefined: nothing. */
export function problemOf({ file, source, flags }: Expression): string | undefined {
  const { reports } = analyse({ source, flags })
  const kinds = reports.map(({ type }) => type)
  return kinds.length === 0 ? undefined : `${file}: /${source}/${flags}: ${kinds.join(', ')}`
}
