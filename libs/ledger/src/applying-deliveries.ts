import { sql } from 'kysely';
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { refusal, rejection, warning, type Difference, type RowProblem } from '#libs/vocabulary';
import { settleAbsences } from './absences.js';
import { copyChunksInto, type CopyValue } from './copy.js';
import { rowsInPack, selectDelivery, type DeliveryRow } from './deliveries.js';
import type { JudgedRows } from './judging-deliveries.js';
import { warnOfManagers } from './reporting-lines.js';
import type { Database, Ledger } from './open.js';
import { noteDelivery } from './webhook-outbox.js';

/** A checked row on its way into the ledger. */
export interface StagedRow {
  readonly row: number;
  readonly line: number;
  readonly employeeNumber: string | undefined;
  /** As the row says, of a rejected one too. */
  readonly previousNumber?: string | undefined;
  readonly problems: readonly RowProblem[];
  /** Of the record, hex SHA-256; undefined for a rejected row. */
  readonly fingerprint: string | undefined;
  /** Undefined for a rejected row, and for one that says what the ledger holds already. */
  readonly record: StagedRecord | undefined;
  /** Of what the row says, when it gives the record without a problem: 32 hex digits. */
  readonly rowFingerprint: string | undefined;
  /** Of a rejected row: it can be told that the worker has left. */
  readonly hasLeft: boolean;
}

export interface StagedRecord {
  /** Canonical: the same record always gives the same text. */
  readonly json: string;
  readonly status: string;
  readonly country: string;
  readonly managerNumber: string | undefined;
  /** What the service desk types: words of the names in Latin letters and lower case, and addresses. */
  readonly nameWords: readonly string[];
  readonly addresses: readonly string[];
}

/** How often a delivery is tried before it is given up: a file that ends the process must not end it for ever. */
const attemptsMax = 5;
/** A held one too: those that came after it wait for the same decision. */
const unfinished = `state in ('received', 'checking', 'applying', 'held')`;

/** What ends a delivery otherwise than by being applied. */
export type OtherEnd = { readonly refused: string } | HeldDelivery;

interface HeldDelivery {
  /** Why. */
  readonly held: string;
  readonly difference: Difference;
  readonly rows: JudgedRows;
}

/**
 * Takes the delivery that is due, and runs `work` in one transaction under its source's lock: a source's deliveries are
 * applied one at a time, in order of arrival, whichever process takes them. Either the delivery is done with all its rows'
 * outcomes and its bytes are gone, or nothing of it is applied. Ends with false when nothing is due.
 *
 * Rejects when `work` does; the delivery is tried again later, a bounded number of times.
 */
export async function takeDelivery(
  ledger: Ledger,
  work: (delivery: DeliveryRow, client: PoolClient) => Promise<OtherEnd | undefined>,
): Promise<boolean> {
  const client = await ledger.pool.connect();
  try {
    await client.query('begin');
    const delivery = await lockNext(client);
    if (delivery === undefined) {
      await client.query('rollback');
      return false;
    }
    const attempts = await noteAttempt(ledger.db, delivery.id);
    await client.query('savepoint untouched');
    const end = attempts > attemptsMax ? { refused: refusal('internal_fault') } : await work(delivery, client);
    if (end !== undefined && 'held' in end) await hold(client, delivery.id, end);
    else {
      if (end !== undefined) await client.query('rollback to savepoint untouched');
      await finish(client, delivery.id, end?.refused ?? null);
    }
    await client.query('commit');
    return true;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

const headsSchema = z.array(z.object({ source: z.string() }));
const takenSchema = z.array(z.object({ taken: z.boolean() }));

/** The first delivery of a source, if it is due and nobody works on that source. */
async function lockNext(client: PoolClient): Promise<DeliveryRow | undefined> {
  const heads = await client.query(
    `select source from (
       select distinct on (source) source, state, received_at, try_after from feed_delivery
       where ${unfinished} order by source, received_at, sequence
     ) as head where state <> 'held' and try_after <= clock_timestamp() order by received_at`,
  );
  for (const { source } of headsSchema.parse(heads.rows)) {
    const lock = await client.query("select pg_try_advisory_xact_lock(hashtextextended('feed ' || $1, 0)) as taken", [
      source,
    ]);
    if (takenSchema.parse(lock.rows)[0]?.taken !== true) continue;
    const { rows } = await client.query<DeliveryRow>(
      `${selectDelivery} where state <> 'held' and try_after <= clock_timestamp() and id = (
         select id from feed_delivery where source = $1 and ${unfinished} order by received_at, sequence limit 1)`,
      [source],
    );
    if (rows[0] !== undefined) return rows[0];
  }
  return undefined;
}

/** Outside the transaction: seen by everybody at once, and kept when the process dies at work. */
async function noteAttempt(db: Database, id: string): Promise<number> {
  const { rows } = await sql<{ attempts: number }>`
    update feed_delivery set state = 'checking', attempts = attempts + 1,
      try_after = clock_timestamp() + attempts * interval '5 seconds'
    where id = ${id}::uuid returning attempts`.execute(db);
  return rows[0]?.attempts ?? 0;
}

/** The rows are checked; from here on the ledger does the work. */
export async function noteApplying(db: Database, id: string): Promise<void> {
  await sql`update feed_delivery set state = 'applying' where id = ${id}::uuid`.execute(db);
}

/** The process stops before the delivery is done: it counts as not tried, and is due at once. */
export async function giveDeliveryBack(db: Database, id: string): Promise<void> {
  await sql`
    update feed_delivery set state = 'received', attempts = attempts - 1, try_after = '-infinity'
    where id = ${id}::uuid and state in ('checking', 'applying')`.execute(db);
}

async function finish(client: PoolClient, id: string, cause: string | null): Promise<void> {
  await client.query(`update feed_delivery set state = $2, cause = $3, finished_at = clock_timestamp() where id = $1`, [
    id,
    cause === null ? 'done' : 'refused',
    cause,
  ]);
  await client.query('delete from feed_payload where delivery_id = $1', [id]);
  await noteDelivery(client, id);
}

/** Copies the checked rows into a table of this transaction's own. */
export async function stageRows(client: PoolClient, rows: AsyncIterable<readonly StagedRow[]>): Promise<void> {
  await client.query(`
    create temporary table staged (
      row integer, line integer, employee_number text, problems text, fingerprint bytea, row_fingerprint uuid,
      has_left boolean, record jsonb, status text, country text, previous_number text, manager_number text, name_words text[], addresses text[]
    ) on commit drop`);
  await copyChunksInto(client, 'staged', copyRows(rows));
  await client.query('analyze staged (row, employee_number, previous_number)');
}

async function* copyRows(chunks: AsyncIterable<readonly StagedRow[]>): AsyncGenerator<readonly CopyValue[][]> {
  for await (const chunk of chunks) {
    yield chunk.map(
      ({ row, line, employeeNumber, previousNumber, problems, fingerprint, record, rowFingerprint, hasLeft }) => [
        row,
        line,
        employeeNumber ?? null,
        problems.length === 0 ? '[]' : JSON.stringify(problems),
        fingerprint === undefined ? null : `\\x${fingerprint}`,
        rowFingerprint ?? null,
        hasLeft,
        record?.json ?? null,
        record?.status ?? (hasLeft ? 'terminated' : null),
        record?.country ?? null,
        previousNumber ?? null,
        record?.managerNumber ?? null,
        record?.nameWords ?? null,
        record?.addresses ?? null,
      ],
    );
  }
}

const storedSchema = z.array(z.object({ found: z.string().nullable() }));

/**
 * Which of these rows a record of the source was made from: the record's fingerprint (hex SHA-256) for each, undefined for
 * a row that says something else or something new.
 */
export async function storedRecords(
  ledger: Ledger,
  source: string,
  rows: { readonly employeeNumbers: readonly string[]; readonly rowFingerprints: readonly string[] },
): Promise<readonly (string | undefined)[]> {
  const { rows: answer } = await ledger.pool.query(
    `select string_agg(coalesce((
       select encode(fingerprint, 'hex') from employee
       where source = $1 and employee_number = number and row_fingerprint = sent_fingerprint
     ), ''), ',' order by place) as found
     from unnest($2::text[], $3::uuid[]) with ordinality as sent (number, sent_fingerprint, place)`,
    [source, rows.employeeNumbers, rows.rowFingerprints],
  );
  const found = storedSchema.parse(answer)[0]?.found ?? '';
  return found.split(',').map((fingerprint) => (fingerprint === '' ? undefined : fingerprint));
}

/** Nothing of it is applied; its bytes are kept, and who would be changed can be read until a person has decided. */
async function hold(client: PoolClient, id: string, { held, difference, rows }: HeldDelivery): Promise<void> {
  await client.query(
    `update feed_delivery set state = 'held', cause = $2, difference = $3, attempts = 0, try_after = '-infinity', decision = null,
       decided_by = null, decided_at = null, decision_note = null
     where id = $1`,
    [id, held, JSON.stringify(difference)],
  );
  await noteRows(client, id, rows);
  await noteDifference(client, id);
  await client.query(
    `insert into feed_difference (delivery_id, measure, employee_number, country, before, after)
     select $1, 'joiners', employee_number, country, '', status from judged where outcome = 'new'`,
    [id],
  );
  await client.query(
    `insert into event (kind, actor, detail)
     select 'delivery_held', received_by, jsonb_build_object('source', source, 'delivery', id) from feed_delivery where id = $1`,
    [id],
  );
  await noteDelivery(client, id);
}

async function noteDifference(client: PoolClient, id: string): Promise<void> {
  await client.query('delete from feed_difference where delivery_id = $1', [id]);
  await client.query(
    `insert into feed_difference (delivery_id, measure, employee_number, country, before, after)
     select $1, measure, employee_number, country, before, after from changed`,
    [id],
  );
}

async function noteRows(client: PoolClient, id: string, rows: JudgedRows): Promise<void> {
  await client.query(
    `update feed_delivery set rows_total = $2, rows_new = $3, rows_updated = $4, rows_unchanged = $5, rows_duplicate = $6,
       rows_older = $7, rows_rejected = $8, rows_leaver = $9
     where id = $1`,
    [id, rows.total, rows.new, rows.updated, rows.unchanged, rows.duplicate, rows.older, rows.rejected, rows.leaver],
  );
}

/**
 * Applies the judged rows set-wise, writing only what is new or changed (an anti-join beats ON CONFLICT, which locks every
 * row). Every row gets its outcome.
 */
export async function applyJudged(
  client: PoolClient,
  delivery: DeliveryRow,
  judged: { readonly rows: JudgedRows; readonly difference: Difference; readonly absenceHours: number },
): Promise<void> {
  const { rows, difference, absenceHours } = judged;
  // Before anybody is added: who is new is not absent.
  const absences = await settleAbsences(client, delivery, absenceHours);
  if (rows.new > 0) await addEmployees(client, delivery);
  if (rows.updated > 0) await changeEmployees(client, delivery);
  await confirmUnchanged(client, delivery);
  if (rows.new + rows.updated > 0) await warnOfManagers(client, delivery.source);
  await noteOutcomes(client, delivery);
  await client.query("delete from changed where measure not in ('leavers', 'addressChanges')");
  await noteDifference(client, delivery.id);
  await client.query('update feed_delivery set difference = $2, rows_absent = $3 where id = $1', [
    delivery.id,
    JSON.stringify(difference),
    absences.absent,
  ]);
  await noteRows(client, delivery.id, { ...rows, leaver: rows.leaver + absences.left });
}

/** What became of each row: packed, but for those of which more is to be said. */
async function noteOutcomes(client: PoolClient, delivery: DeliveryRow): Promise<void> {
  const isPlain = `problems = '[]' and outcome in ('new', 'updated', 'unchanged')`;
  await client.query(
    `insert into feed_row_pack (delivery_id, first_row, outcome, rows, lines, employee_numbers)
     select $1, (row - 1) / ${rowsInPack} * ${rowsInPack} + 1, outcome, array_agg(row order by row), array_agg(line order by row),
       array_agg(employee_number order by row)
     from judged where ${isPlain} group by 2, 3`,
    [delivery.id],
  );
  await client.query(
    `insert into feed_row (delivery_id, line, row, employee_number, outcome, problems)
     select $1, line, row, employee_number, outcome,
       case when clashes then $2::jsonb when is_contested and fingerprint is not null then $6::jsonb when outcome = 'duplicate' then $3::jsonb
         when is_superseded and fingerprint is not null then $5::jsonb when outcome = 'older' then $4::jsonb
         when has_left and outcome = 'updated' then problems::jsonb || $7::jsonb else problems::jsonb end
     from judged where not (${isPlain}) order by row`,
    [
      delivery.id,
      JSON.stringify([rejection('duplicate_conflict', 'worker_id')]),
      JSON.stringify([warning('duplicate_identical', 'worker_id')]),
      JSON.stringify([warning('older_than_stored')]),
      JSON.stringify([warning('number_superseded')]),
      JSON.stringify([rejection('previous_conflict', 'previous_worker_id')]),
      JSON.stringify([warning('left_all_the_same', 'status')]),
    ],
  );
}

async function addEmployees(client: PoolClient, delivery: DeliveryRow): Promise<void> {
  await client.query(
    `insert into employee (id, source, employee_number, version, fingerprint, row_fingerprint, status, country, population, effective_at,
       last_delivery)
     select employee_id, $1, employee_number, 1, fingerprint, row_fingerprint, status, country, case mode when 'full' then population end,
       effective_at, sequence
     from (select mode, population, effective_at, sequence from feed_delivery where id = $2) as delivery, judged
     where outcome = 'new' order by row`,
    [delivery.source, delivery.id],
  );
  await client.query(
    `insert into employee_version (employee_id, version, record, delivery_id)
     select employee_id, 1, record, $1 from judged join staged using (row) where outcome = 'new' order by row`,
    [delivery.id],
  );
  await client.query(
    `insert into employee_search (employee_id, name_words, addresses)
     select employee_id, array_to_tsvector(name_words), addresses
     from judged join staged using (row) where outcome = 'new' order by row`,
  );
}

async function changeEmployees(client: PoolClient, delivery: DeliveryRow): Promise<void> {
  await client.query(
    `insert into employee_former_number (source, number, employee_id)
     select source, employee.employee_number, employee.id from judged join employee on employee.id = judged.employee_id
     where outcome = 'updated' and employee.employee_number <> judged.employee_number
     on conflict (source, number) do update set employee_id = excluded.employee_id, since = now()`,
  );
  await client.query(
    `with changed as (
       update employee set version = employee.version + 1, employee_number = judged.employee_number,
         -- No row has the record of who left by a row that could not be used: a better one is a change.
         fingerprint = coalesce(judged.fingerprint, ''), row_fingerprint = judged.row_fingerprint, status = judged.status,
         country = coalesce(judged.country, employee.country), effective_at = delivery.effective_at, updated_at = now(),
         last_delivery = delivery.sequence
       from judged join staged using (row),
         (select effective_at, sequence from feed_delivery where id = $1) as delivery
       where outcome = 'updated' and employee.id = judged.employee_id
       returning employee.id, employee.version, judged.has_left, record, name_words, addresses
     ), versions as (
       insert into employee_version (employee_id, version, record, delivery_id)
       select id, changed.version,
         case when has_left then former.record || '{"status": "terminated"}' else changed.record end, $1::uuid
       from changed join employee_version as former on former.employee_id = id and former.version = changed.version - 1
     )
     update employee_search set name_words = array_to_tsvector(changed.name_words), addresses = changed.addresses
     from changed where employee_search.employee_id = changed.id and not has_left`,
    [delivery.id],
  );
}

/**
 * Each row of a delta says that its record is true at its time; a full delivery says so for its population as a whole. The
 * same record may come from another row than before.
 */
async function confirmUnchanged(client: PoolClient, delivery: DeliveryRow): Promise<void> {
  await client.query(
    `update employee set effective_at = case mode when 'delta' then greatest(employee.effective_at, delivery.effective_at)
         else employee.effective_at end,
       row_fingerprint = coalesce(judged.row_fingerprint, employee.row_fingerprint)
     from judged, (select mode, effective_at from feed_delivery where id = $1) as delivery
     where outcome = 'unchanged' and employee.id = judged.employee_id
       and (mode = 'delta' and employee.effective_at < delivery.effective_at
         or judged.row_fingerprint <> employee.row_fingerprint
         or judged.row_fingerprint is not null and employee.row_fingerprint is null)`,
    [delivery.id],
  );
}
