import { open } from 'node:fs/promises'
import { BadArchive } from './problem.ts'
import { openWindow, type Window } from './window.ts'

export type Inspection<Found extends object> =
  | ({ readonly ok: true } & Found)
  /** What is wrong: a clause that names nothing from the archive. */
  | { readonly ok: false; readonly problem: string }

/** Looks through a file. Doesn't throw for what is wrong with it. */
export async function inspectFile<Found extends object>(
  { path, sizeBytes }: { readonly path: string; readonly sizeBytes: number },
  look: (file: Window) => Promise<Found>,
): Promise<Inspection<Found>> {
  const file = await open(path)
  try {
    return { ok: true, ...(await look(openWindow(file, sizeBytes))) }
  } catch (error) {
    if (error instanceof BadArchive) return { ok: false, problem: error.message }
    throw error
  } finally {
    await file.close()
  }
}
