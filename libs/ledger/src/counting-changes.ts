import { createHash } from 'node:crypto';
import type { PoolClient } from 'pg';
import { z } from 'zod';
import type { GuardedChange } from '#libs/vocabulary';
import type { DeliveryRow } from './deliveries.js';
import { absentTwice, type JudgedRows } from './judging-deliveries.js';

type ByCountry = Readonly<Record<string, number>>;

/** Whom the delivery would change, counted before anything is written. */
export interface StagedCounts {
  /** People by kind of change and country. */
  readonly changes: Readonly<Record<GuardedChange, ByCountry>>;
  /** Leavers and address changes that nobody was asked about in the last 24 hours, likewise. */
  readonly earlier: Readonly<Record<string, ByCountry>>;
  /** People of the source who have not left, by country. */
  readonly people: ByCountry;
  readonly rows: JudgedRows;
  /** Rows of the full delivery of the population before this one; null when it is a delta, or the first. */
  readonly rowsBefore: number | null;
  /** The first full delivery of its population. */
  readonly isFirst: boolean;
  /** Hex SHA-256 over the file, what was read of each row, and every change. */
  readonly fingerprint: string;
}

/** Counts what the judged rows would change, and keeps who it is in the table `changed` of this transaction. */
export async function countStaged(
  client: PoolClient,
  delivery: DeliveryRow,
  { rows, absenceHours }: { readonly rows: JudgedRows; readonly absenceHours: number },
): Promise<StagedCounts> {
  await client.query(`
    create temporary table changed (
      measure text, employee_number text, country text, before text, after text
    ) on commit drop`);
  if (rows.updated > 0) await noteChanges(client);
  if (delivery.mode === 'full') {
    await client.query(
      `insert into changed select 'leavers', employee_number, country, status, 'absent' from employee where ${absentTwice}`,
      [delivery.source, delivery.id, absenceHours],
    );
  }
  const rowsBefore = delivery.mode === 'full' ? await rowsOfFormer(client, delivery) : null;
  return {
    changes: await countsByCountry(client),
    earlier: await earlierCounts(client, delivery),
    people: await peopleByCountry(client, delivery),
    rows,
    rowsBefore,
    isFirst: delivery.mode === 'full' && rowsBefore === null,
    fingerprint: await fingerprintOf(client, delivery),
  };
}

/**
 * Of the people who get another record: who leaves, and whose address, name, place or number changes. Who has not begun
 * yet has no account, so that whoever is put back to before their first day loses theirs like a leaver. An address in force
 * is the one that was issued, else the one that HR sent; sending back the issued one changes nothing.
 */
async function noteChanges(client: PoolClient): Promise<void> {
  await client.query(`
    with updated as materialized (
      select judged.employee_id, judged.employee_number, employee.employee_number as number_before, employee.country,
        old.record as before, 
        case when judged.has_left then old.record || '{"status": "terminated"}' else staged.record end as after
      from judged join staged using (row) join employee on employee.id = judged.employee_id
        join employee_version as old on old.employee_id = employee.id and old.version = employee.version
      where outcome = 'updated'
    ), told as (
      select *, (now() at time zone 'UTC')::date::text as today, coalesce((
        select address from address_reservation
        where address_reservation.employee_id = updated.employee_id and kind = 'primary' and state = 'issued' limit 1
      ), before ->> 'workEmail') as address
      from updated
    )
    insert into changed
    select measure, employee_number, country, coalesce(one.before, ''), coalesce(one.after, '')
    from told, lateral (values
      ('leavers', ${employmentOf('before')}, ${employmentOf('after')},
        before ->> 'status' <> 'terminated' and (after ->> 'status' = 'terminated'
          or after ->> 'endDate' < coalesce(before ->> 'endDate', '9999')
          or after ->> 'status' = 'prehire' and before ->> 'status' <> 'prehire'
          or after ->> 'hireDate' > today and before ->> 'hireDate' <= today)),
      ('addressChanges', address, after ->> 'workEmail',
        address is not null and after ->> 'workEmail' is distinct from before ->> 'workEmail'
          and after ->> 'workEmail' is distinct from address),
      ('renames', concat_ws(' ', before -> 'legalName' ->> 'givenName', before -> 'legalName' ->> 'familyName'),
        concat_ws(' ', after -> 'legalName' ->> 'givenName', after -> 'legalName' ->> 'familyName'),
        before -> 'legalName' is distinct from after -> 'legalName'
          or before -> 'preferredName' is distinct from after -> 'preferredName'),
      ('moves', concat_ws(', ', before ->> 'country', before ->> 'department', before ->> 'managerNumber'),
        concat_ws(', ', after ->> 'country', after ->> 'department', after ->> 'managerNumber'),
        before ->> 'country' <> after ->> 'country'
          or before ->> 'department' is distinct from after ->> 'department'
          or before ->> 'managerNumber' is distinct from after ->> 'managerNumber'),
      ('renumberings', number_before, employee_number, number_before <> employee_number)
    ) as one (measure, before, after, is_change)
    where is_change`);
}

function employmentOf(record: 'before' | 'after'): string {
  return `concat_ws(' ', ${record} ->> 'status', 'from ' || case when ${record} ->> 'hireDate' > today then ${record} ->> 'hireDate' end,
    'until ' || (${record} ->> 'endDate'))`;
}

const countRows = z.array(z.object({ measure: z.string(), country: z.string(), count: z.number() }));

function byMeasure(rows: unknown): Record<string, Record<string, number>> {
  const counts: Record<string, Record<string, number>> = {};
  for (const { measure, country, count } of countRows.parse(rows)) (counts[measure] ??= {})[country] = count;
  return counts;
}

async function countsByCountry(client: PoolClient): Promise<StagedCounts['changes']> {
  const { rows } = await client.query(
    `select measure, country, count(*) as count from changed group by 1, 2
     union all
     select 'joiners', country, count(*) from judged where outcome = 'new' and status <> 'terminated' group by 2`,
  );
  const counts = byMeasure(rows);
  const of = (measure: GuardedChange) => counts[measure] ?? {};
  return {
    leavers: of('leavers'),
    addressChanges: of('addressChanges'),
    joiners: of('joiners'),
    renames: of('renames'),
    moves: of('moves'),
    renumberings: of('renumberings'),
  };
}

/** Many small deliveries must not do what one big one may not. */
async function earlierCounts(client: PoolClient, delivery: DeliveryRow): Promise<StagedCounts['earlier']> {
  const { rows } = await client.query(
    `select of_measure.key as measure, of_country.key as country, sum(of_country.value::int) as count
     from feed_delivery, jsonb_each(difference -> 'counts') as of_measure, jsonb_each_text(of_measure.value) as of_country
     where source = $1 and state = 'done' and decision is null and finished_at > now() - interval '24 hours'
     group by 1, 2`,
    [delivery.source],
  );
  return byMeasure(rows);
}

async function peopleByCountry(client: PoolClient, delivery: DeliveryRow): Promise<ByCountry> {
  const { rows } = await client.query(
    `select '' as measure, country, people as count from source_people where source = $1 and people > 0`,
    [delivery.source],
  );
  return byMeasure(rows)[''] ?? {};
}

const formerSchema = z.array(z.object({ rows: z.number() }));

async function rowsOfFormer(client: PoolClient, delivery: DeliveryRow): Promise<number | null> {
  const { rows } = await client.query('select rows from feed_population where source = $1 and population = $2', [
    delivery.source,
    delivery.population,
  ]);
  return formerSchema.parse(rows)[0]?.rows ?? null;
}

const digestSchema = z.array(z.object({ digest: z.string() }));

/** The same file says something else when the source's settings change: what was read counts, not only the bytes. */
async function fingerprintOf(client: PoolClient, delivery: DeliveryRow): Promise<string> {
  const { rows } = await client.query(
    `select coalesce(encode(sha256(convert_to(string_agg(
       concat_ws(chr(31), measure, employee_number, before, after), chr(30) order by measure, employee_number
     ), 'UTF8')), 'hex'), '') as digest from changed
     union all
     select coalesce(encode(sha256(string_agg(
       convert_to(concat_ws(chr(31), outcome, employee_number), 'UTF8') || coalesce(fingerprint, ''), '' order by row
     )), 'hex'), '') from judged where outcome in ('new', 'updated', 'rejected')`,
  );
  const digests = digestSchema.parse(rows).map(({ digest }) => digest);
  return createHash('sha256')
    .update([delivery.id, delivery.payloadSha256, ...digests].join(' '))
    .digest('hex');
}
