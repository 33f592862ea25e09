import type { PoolClient } from 'pg';
import { z } from 'zod';
import type { DeliveryRow } from './deliveries.js';
import { absentTwice, missedBy } from './judging-deliveries.js';

const countSchema = z.array(z.object({ count: z.number() }));

/**
 * Who is not in a full delivery is marked absent; who is absent again, far enough from the first time, has left. A rejected
 * row is present: it never makes a leaver. Who is named again, by whatever delivery, is absent no longer. Gives how many
 * are absent now and how many have left.
 */
export async function settleAbsences(
  client: PoolClient,
  delivery: DeliveryRow,
  absenceHours: number,
): Promise<{ absent: number; left: number }> {
  await client.query(
    `update employee set absent_since = null from judged
     where employee.id = judged.employee_id and absent_since is not null and outcome <> 'older'`,
  );
  if (delivery.mode !== 'full') return { absent: 0, left: 0 };
  await client.query(
    `update employee set population = $1 from judged
     where employee.id = judged.employee_id and outcome <> 'older' and employee.population is distinct from $1`,
    [delivery.population],
  );
  const left = await endAbsent(client, delivery, absenceHours);
  const absent = await markAbsent(client, delivery);
  await client.query(
    `insert into feed_population (source, population, effective_at, rows)
     select source, population, effective_at, (select count(*) from judged) from feed_delivery where id = $1
     on conflict (source, population) do update set effective_at = excluded.effective_at, rows = excluded.rows`,
    [delivery.id],
  );
  return { absent, left };
}

async function endAbsent(client: PoolClient, delivery: DeliveryRow, absenceHours: number): Promise<number> {
  const { rows } = await client.query(
    `with gone as (
       update employee set version = employee.version + 1, status = 'terminated', updated_at = now(),
         -- No file has this record: whoever comes back with the former one is a change.
         fingerprint = '', row_fingerprint = null, effective_at = (select effective_at from feed_delivery where id = $2),
         last_delivery = (select sequence from feed_delivery where id = $2)
       where ${absentTwice}
       returning employee.id, employee.version
     ), versions as (
       insert into employee_version (employee_id, version, record, delivery_id)
       select gone.id, gone.version, former.record || '{"status": "terminated"}', $2::uuid
       from gone join employee_version as former
         on former.employee_id = gone.id and former.version = gone.version - 1
     )
     select count(*) as count from gone`,
    [delivery.source, delivery.id, absenceHours],
  );
  return countSchema.parse(rows)[0]?.count ?? 0;
}

async function markAbsent(client: PoolClient, delivery: DeliveryRow): Promise<number> {
  await client.query(
    `update employee set absent_since = (select effective_at from feed_delivery where id = $2)
     where ${missedBy} and absent_since is null`,
    [delivery.source, delivery.id],
  );
  const { rows } = await client.query(
    `select count(*) as count from employee
     where source = $1 and status <> 'terminated' and ($2 = '' or population = $2) and absent_since is not null`,
    [delivery.source, delivery.population],
  );
  return countSchema.parse(rows)[0]?.count ?? 0;
}
