import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table event (
      position    bigint      primary key check (position > 0),
      stream      text        not null check (length(stream) between 1 and 300),
      version     int         not null check (version > 0),
      id          uuid        not null unique,
      type        text        not null,
      -- json, not jsonb: the text must come back as it was written
      data        json        not null check (octet_length(data::text) <= 65536),
      recorded_at timestamptz not null unique,
      unique (stream, version)
    )`.execute(db)
  await sql`
    create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception '% on % is refused: what is recorded is never changed', tg_op, tg_table_name;
    end $$`.execute(db)
  await sql`
    create trigger event_is_append_only before update or delete or truncate on event
      for each statement execute function refuse_change()`.execute(db)

  // One row, locked by every append: positions are dense and in commit order, so no reader can pass
  // an event that isn't committed yet, and recorded_at strictly increases with them.
  await sql`
    create table event_head (
      one         boolean     primary key default true check (one),
      position    bigint      not null,
      recorded_at timestamptz not null
    )`.execute(db)
  await sql`insert into event_head (position, recorded_at) values (0, 'epoch')`.execute(db)

  // One statement, so that the head is locked for one round trip only. SQLSTATE AL409: the stream has
  // another version than expected; the detail says which.
  await sql`
    create function append_events(
      to_stream text, expected int, ids uuid[], types text[], datas text[], by_clock timestamptz
    ) returns setof event language plpgsql as $$
    declare
      head event_head;
      current int;
      first_at timestamptz;
      added int := cardinality(ids);
    begin
      select * into strict head from event_head for update;
      return query select e.* from event e where e.id = any (ids) order by e.position;
      if found then return; end if;

      select coalesce(max(e.version), 0) into current from event e where e.stream = to_stream;
      if expected is not null and expected <> current then
        raise exception 'stream % has version %, not %', to_stream, current, expected
          using errcode = 'AL409', detail = current::text;
      end if;

      first_at := greatest(
        coalesce(by_clock, clock_timestamp()), head.recorded_at + interval '1 microsecond');
      return query
        insert into event (position, stream, version, id, type, data, recorded_at)
        select head.position + n, to_stream, current + n, id, type, data::json,
               first_at + (n - 1) * interval '1 microsecond'
        from unnest(ids, types, datas) with ordinality as new (id, type, data, n)
        order by n
        returning *;
      update event_head set
        position = head.position + added,
        recorded_at = first_at + (added - 1) * interval '1 microsecond';
    end $$`.execute(db)
}
