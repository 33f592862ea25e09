import type { PoolClient } from 'pg';
import type { WantedAddress } from '#libs/blueprint';
import { copyInto } from './copy.js';

/** What one person wants. */
export interface StoredWish extends WantedAddress {
  readonly employeeId: string;
  readonly source: string;
  readonly employeeNumber: string;
  /** The wave in which the employee is enrolled; null for those whom the migration does not enrol. */
  readonly wave: number | null;
}

/** Adds to the table `wish` of a planning pass. */
export async function copyWishes(
  client: PoolClient,
  wishes: AsyncIterable<StoredWish> | Iterable<StoredWish>,
): Promise<void> {
  const columns = `employee_id, source, employee_number, hire_date, gone, given, local_parts, domain, numbered, aliases, problem,
    wave`;
  await copyInto(client, `wish (${columns})`, wishRows(wishes));
}

/** Once everybody is there. */
export async function indexWishes(client: PoolClient): Promise<void> {
  await client.query('create index on wish (employee_number); analyze wish');
}

async function* wishRows(wishes: AsyncIterable<StoredWish> | Iterable<StoredWish>) {
  for await (const wish of wishes) {
    yield [
      wish.employeeId,
      wish.source,
      wish.employeeNumber,
      wish.hireDate,
      wish.left,
      wish.given,
      wish.localParts,
      wish.domain,
      wish.numbered,
      wish.aliases,
      wish.problem,
      wish.wave,
    ];
  }
}
