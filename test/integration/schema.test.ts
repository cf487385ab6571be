import { readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import * as assert from 'uvu/assert'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

/** `Database` in src/database/schema.ts: each table with its columns, read from the sources. */
async function typedColumns(): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = ['schema.ts', 'read-models.ts'].map((name) => `../../src/database/${name}`)
  const sources = await Promise.all(
    files.map(async (file) => await readFile(new URL(file, import.meta.url), 'utf8')),
  )
  const source = sources.join('\n')
  const body = (name: string) =>
    new RegExp(`interface ${name} \\{\\n(.*?)\\n\\}`, 's').exec(source)?.[1] ?? ''
  const fields = (text: string) =>
    [...text.matchAll(/^ {2}(?:readonly )?(\w+)\??: (\w+)/gm)].map(([, name, type]) => ({
      name: name ?? '',
      type: type ?? '',
    }))
  return new Map(
    fields(body('Database')).map(({ name, type }) => [
      name,
      fields(body(type))
        .map((column) => column.name)
        .toSorted(),
    ]),
  )
}

describe('src/database/schema.ts', startService, (test) => {
  test('names the columns that the tables really have', async ({ database }) => {
    const typed = await typedColumns()
    assert.ok(typed.size > 8, 'the types were found')
    for (const [table, columns] of typed) {
      const { rows } = await sql<{ name: string }>`
        select attname as name from pg_attribute
        where attrelid = to_regclass(${table}) and attnum > 0 and not attisdropped
        order by attname`.execute(database.db)
      assert.equal(rows.map(({ name }) => name).toSorted(), columns, table)
    }
  })
})
