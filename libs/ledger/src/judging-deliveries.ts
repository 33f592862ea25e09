import { createHash } from 'node:crypto';
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { guardedChanges, type GuardedChange } from '#libs/vocabulary';
import type { DeliveryRow } from './deliveries.js';

/** Whom the delivery would change, counted before anything is written. */
export interface StagedCounts {
  /** People by kind of change and country. */
  readonly changes: Readonly<Record<GuardedChange, Readonly<Record<string, number>>>>;
  /** Leavers and address changes that nobody was asked about in the last 24 hours, likewise. */
  readonly earlier: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** People of the source who have not left, by country. */
  readonly people: Readonly<Record<string, number>>;
  readonly rows: { readonly total: number; readonly rejected: number };
  /** Rows of the full delivery of the population before this one; null when it is a delta, or the first. */
  readonly rowsBefore: number | null;
  /** The first full delivery of its population. */
  readonly isFirst: boolean;
  /** Hex SHA-256 over the file and every change. */
  readonly fingerprint: string;
}

/** Whether a newer full delivery of the same population was applied already. */
export async function isStale(client: PoolClient, delivery: DeliveryRow): Promise<boolean> {
  if (delivery.mode !== 'full') return false;
  const { rowCount } = await client.query(
    `select from feed_population join feed_delivery using (source, population)
     where feed_delivery.id = $1 and feed_population.effective_at > feed_delivery.effective_at`,
    [delivery.id],
  );
  return rowCount === 1;
}

/**
 * One outcome for each row. Of a worker's identical rows the first counts; rows that differ are all rejected, for nobody
 * can tell which is right. A record that is newer than the delivery stays as it is. A row with an unknown number that names
 * a former one is about the person who had it; a row with a former number is left out.
 */
export async function judgeStaged(client: PoolClient, delivery: DeliveryRow): Promise<void> {
  await client.query(`
    create temporary table judged (
      row integer, line integer, employee_number text, employee_id uuid, problems text, status text, status_before text,
      clashes boolean, claims boolean, superseded boolean, outcome text
    ) on commit drop`);
  await client.query(
    `with repeated as (
       select employee_number, min(row) as first, count(distinct fingerprint) > 1 as clashes
       from staged where record is not null group by employee_number having count(*) > 1
     ), claim as (
       select previous_number, min(employee_number) as number, count(distinct employee_number) > 1 as clashes
       from staged where previous_number is not null
         and not exists (select from employee where source = $1 and employee_number = staged.employee_number)
         and not exists (select from employee_former_number where source = $1 and number = staged.employee_number)
       group by previous_number
     ), known as (
       select staged.row, coalesce(present.id, former.employee_id, renumbered.id) as employee_id,
         renumbered.id is not null and claim.clashes as claims,
         former.employee_id is not null or present.id is not null and taken.number is not null as superseded
       from staged
         left join employee as present
           on present.source = $1 and present.employee_number = staged.employee_number
         left join employee_former_number as former
           on present.id is null and former.source = $1 and former.number = staged.employee_number
         left join claim
           on claim.previous_number = staged.previous_number and (claim.number = staged.employee_number or claim.clashes)
           and present.id is null and former.employee_id is null
         left join employee as renumbered
           on renumbered.source = $1 and renumbered.employee_number = claim.previous_number
         left join claim as taken on taken.previous_number = staged.employee_number and not taken.clashes
     )
     insert into judged
     select staged.row, line, staged.employee_number, employee.id, problems, staged.status, employee.status,
       staged.record is not null and coalesce(repeated.clashes, false), coalesce(claims, false), superseded,
       case when staged.record is null or repeated.clashes or claims then 'rejected'
         when staged.row > first then 'duplicate'
         when superseded then 'older'
         when employee.id is null then 'new'
         when employee.fingerprint = staged.fingerprint then 'unchanged'
         when (select effective_at from feed_delivery where id = $2)
           < greatest(employee.effective_at, feed_population.effective_at) then 'older'
         else 'updated' end
     from staged join known using (row) left join repeated using (employee_number)
       left join employee on employee.id = known.employee_id
       left join feed_population on feed_population.source = employee.source
         and feed_population.population = employee.population`,
    [delivery.source, delivery.id],
  );
  await client.query('analyze judged (row, employee_number, employee_id, outcome)');
}

/**
 * Who of the source is absent from this full delivery for the second time, far enough from the first: `$1` is the source,
 * `$2` the delivery, `$3` the hours. Only people of the delivery's population can be absent from it; all of them when it
 * is the whole source.
 */
export const absentTwice = `
  employee.source = $1 and employee.status <> 'terminated'
  and employee.absent_since <= (select effective_at from feed_delivery where id = $2) - $3 * interval '1 hour'
  and (select mode = 'full' and population in ('', employee.population) from feed_delivery where id = $2)
  and not exists (select from judged where judged.employee_id = employee.id)`;

/** Counts what the judged rows would change, and keeps who it is in the table `changed` of this transaction. */
export async function countStaged(
  client: PoolClient,
  delivery: DeliveryRow,
  absenceHours: number,
): Promise<StagedCounts> {
  await client.query(`
    create temporary table changed (
      measure text, employee_number text, country text, before text, after text
    ) on commit drop`);
  await noteChanges(client);
  await client.query(
    `insert into changed select 'leavers', employee_number, country, status, 'absent' from employee where ${absentTwice}`,
    [delivery.source, delivery.id, absenceHours],
  );
  const changes = await countsByCountry(client);
  const rows = await rowCounts(client, delivery);
  return {
    changes,
    earlier: await earlierCounts(client, delivery),
    people: await peopleByCountry(client, delivery),
    rows: { total: rows.total, rejected: rows.rejected },
    rowsBefore: rows.before,
    isFirst: delivery.mode === 'full' && rows.before === null,
    fingerprint: await fingerprintOf(client, delivery),
  };
}

/** Of the people who get another record: who leaves, and whose address, name or place changes. */
async function noteChanges(client: PoolClient): Promise<void> {
  await client.query(`
    with updated as materialized (
      select judged.employee_id, judged.employee_number, employee.country, old.record as before,
        staged.record::jsonb as after
      from judged join staged using (row) join employee on employee.id = judged.employee_id
        join employee_version as old on old.employee_id = employee.id and old.version = employee.version
      where outcome = 'updated'
    ), told as (
      select *, coalesce(before ->> 'workEmail', (
        select address from address_reservation
        where address_reservation.employee_id = updated.employee_id and kind = 'primary' and state = 'issued' limit 1
      )) as address
      from updated
    )
    insert into changed
    select measure, employee_number, country, coalesce(one.before, ''), coalesce(one.after, '')
    from told, lateral (values
      ('leavers', concat_ws(' until ', before ->> 'status', before ->> 'endDate'),
        concat_ws(' until ', after ->> 'status', after ->> 'endDate'),
        before ->> 'status' <> 'terminated' and (after ->> 'status' = 'terminated'
          or after ->> 'endDate' < coalesce(before ->> 'endDate', '9999'))),
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
          or before ->> 'managerNumber' is distinct from after ->> 'managerNumber')
    ) as one (measure, before, after, is_change)
    where is_change`);
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
     select 'joiners', country, count(*) from judged join staged using (row)
     where outcome = 'new' and staged.status <> 'terminated' group by 2`,
  );
  const counts = byMeasure(rows);
  const [leavers, addressChanges, joiners, renames, moves] = guardedChanges.map((measure) => counts[measure] ?? {});
  return {
    leavers: leavers ?? {},
    addressChanges: addressChanges ?? {},
    joiners: joiners ?? {},
    renames: renames ?? {},
    moves: moves ?? {},
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

async function peopleByCountry(client: PoolClient, delivery: DeliveryRow): Promise<Record<string, number>> {
  const { rows } = await client.query(
    `select '' as measure, country, count(*) as count from employee
     where source = $1 and status <> 'terminated' group by country`,
    [delivery.source],
  );
  return byMeasure(rows)[''] ?? {};
}

const rowsSchema = z.array(z.object({ total: z.number(), rejected: z.number(), before: z.number().nullable() }));

async function rowCounts(client: PoolClient, delivery: DeliveryRow) {
  const { rows } = await client.query(
    `select count(*) as total, count(*) filter (where outcome = 'rejected') as rejected,
       (select feed_population.rows from feed_population join feed_delivery using (source, population)
        where feed_delivery.id = $1 and mode = 'full') as before
     from judged`,
    [delivery.id],
  );
  const [counted] = rowsSchema.parse(rows);
  if (counted === undefined) throw new Error('the ledger counted no rows');
  return counted;
}

const digestSchema = z.array(z.object({ digest: z.string() }));

async function fingerprintOf(client: PoolClient, delivery: DeliveryRow): Promise<string> {
  const { rows } = await client.query(
    `select coalesce(encode(sha256(convert_to(string_agg(
       concat_ws(chr(31), measure, employee_number, before, after), chr(30) order by measure, employee_number
     ), 'UTF8')), 'hex'), '') as digest from changed`,
  );
  const { digest } = digestSchema.parse(rows)[0] ?? { digest: '' };
  return createHash('sha256').update(`${delivery.id} ${delivery.payloadSha256} ${digest}`).digest('hex');
}
