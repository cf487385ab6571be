import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // Every way in which this proxy ever wrote something, which depends on its settings: each has a number
  // for good, and by it dates that clients revalidate by and that no other way ever gave.
  await sql`
    create table rendering (
      kind    text not null,
      content text not null,
      number  int  not null check (number > 0),
      primary key (kind, content),
      unique (kind, number)
    )`.execute(db)
}
