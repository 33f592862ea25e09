import type { PoolClient } from 'pg';
import QueryStream from 'pg-query-stream';
import { z } from 'zod';
import type { WantedAddress } from '#libs/blueprint';
import { employeeRecordSchema, type EmployeeRecord, type RowProblem } from '#libs/vocabulary';
import { allocateAddresses, leaveOutAliases, settleHolders, type AddressRules } from './address-allocation.js';
import { copyChunksInto, type CopyValue } from './copy.js';
import type { Ledger } from './open.js';
import { judgeStaged } from './judging-deliveries.js';
import { matchAccounts, prepareTables } from './planning-rules.js';
import { copyWishes, indexWishes } from './wishes.js';

/** A row of a file with what its person wants; without `wanted` the row would be rejected. */
export interface PreviewedRow {
  readonly row: number;
  readonly line: number;
  readonly employeeNumber: string | undefined;
  readonly problems: readonly RowProblem[];
  /** Of a row that would be rejected: it says all the same that the worker has left. */
  readonly hasLeft: boolean;
  readonly accepted:
    | {
        readonly fingerprint: Uint8Array;
        readonly status: string;
        readonly previousNumber: string | undefined;
        readonly wanted: WantedAddress;
      }
    | undefined;
}

/**
 * How a row would come by its address. Kept ones: `named` (the adoption list's account), `given` by the feed, `issued` to
 * the person before, `present` (their account has it), `reserved` by an open plan. New ones: by the `pattern`, by an
 * `alternative`, `numbered`. None: `held` for a person to settle, `left`, `rejected` or `repeated` rows.
 */
export const previewOrigins = [
  'named',
  'given',
  'issued',
  'present',
  'reserved',
  'pattern',
  'alternative',
  'numbered',
  'held',
  'left',
  'rejected',
  'repeated',
] as const;
export type PreviewOrigin = (typeof previewOrigins)[number];

const rowSchema = z.object({
  row: z.number(),
  line: z.number(),
  employeeNumber: z.string().nullable(),
  how: z.enum(previewOrigins),
  address: z.string().nullable(),
  /** The feed's or the pattern's address that this person does not get, and the known employee who has it. */
  wanted: z.string().nullable(),
  holder: z.object({ source: z.string(), employeeNumber: z.string() }).nullable(),
  reason: z.string().nullable(),
  aliases: z.array(z.string()),
  aliasesLeftOut: z.array(z.string()),
});
export type AddressPreviewRow = z.infer<typeof rowSchema>;

const countsSchema = z.array(
  z.object({ how: z.enum(previewOrigins), reason: z.string().nullable(), count: z.number() }),
);
export type PreviewCounts = z.infer<typeof countsSchema>;

const noListing = '00000000-0000-0000-0000-000000000000';
const pageSize = 1_000;

/**
 * A planning pass that stores nothing: the rows of a file stand in the place of the records that the ledger has of their
 * people, everybody else is as the ledger knows them, and Google is as it was last listed. Temporary tables only, which end
 * with the connection.
 */
export class AddressPreviewDesk {
  private isOpen = true;

  private constructor(private readonly client: PoolClient) {}

  static async open(ledger: Ledger): Promise<AddressPreviewDesk> {
    const client = await ledger.pool.connect();
    try {
      await prepareTables(client);
      await client.query(`
        create temporary table previewed (
          row integer primary key, line integer, employee_number text, problems jsonb, has_left boolean, fingerprint bytea,
          status text, previous_number text, gone boolean, hire_date text, given text, local_parts text[], domain text,
          numbered boolean, aliases text[], problem text, employee_id uuid, fate text, reason text);
        create temporary view staged as
          select row, line, employee_number, problems::text as problems, fingerprint, null::uuid as row_fingerprint,
            has_left, status, null::text as country, previous_number
          from previewed`);
    } catch (error) {
      client.release(true);
      throw error;
    }
    return new AddressPreviewDesk(client);
  }

  /** The connection goes with its temporary tables. */
  close(): void {
    if (this.isOpen) this.client.release(true);
    this.isOpen = false;
  }

  async storeRows(chunks: AsyncIterable<readonly PreviewedRow[]>): Promise<void> {
    await copyChunksInto(
      this.client,
      `previewed (row, line, employee_number, problems, has_left, fingerprint, status, previous_number, gone, hire_date, given,
        local_parts, domain, numbered, aliases, problem)`,
      previewRows(chunks),
    );
    await this.client.query('analyze previewed');
  }

  /**
   * Chooses all addresses, as planning does, from one snapshot of the ledger. `wishOf` says what a known employee wants
   * who is not in the file. Gives the counts, and when Google was last listed.
   */
  async choose(
    source: string,
    rules: AddressRules,
    wishOf: (record: EmployeeRecord) => WantedAddress,
  ): Promise<{ counts: PreviewCounts; listedAt: Date | null }> {
    await this.client.query('begin isolation level repeatable read');
    const { id: listingId, finishedAt: listedAt } = await this.latestListing();
    await this.judgeRows(source);
    await this.addOthers(wishOf);
    await matchAccounts(this.client, listingId);
    // Whoever does not get what they want is told who has it: everybody's addresses are needed.
    await allocateAddresses(this.client, listingId, { ...rules, lookedUpMax: -1 });
    await settleHolders(this.client, listingId, rules.reuseAfter);
    await leaveOutAliases(this.client, listingId, rules.reuseAfter);
    await this.client.query('analyze known_address');
    await this.client.query(previewSql);
    await this.client.query('commit');
    const { rows } = await this.client.query(
      'select how, reason, count(*) as count from preview group by how, reason order by how, reason',
    );
    return { counts: countsSchema.parse(rows), listedAt };
  }

  /** In the order of the file. `notable` are those that a person may want to look at. */
  async *rows({ notable, limit }: { notable: boolean; limit: number | null }): AsyncGenerator<AddressPreviewRow> {
    const rows = this.client.query(
      new QueryStream(
        `select row, line, employee_number as "employeeNumber", how, address, wanted, reason, aliases, aliases_left_out as "aliasesLeftOut",
           case when holder_number is not null then
             json_build_object('source', holder_source, 'employeeNumber', holder_number) end as holder
         from preview where not $1 or how in ('alternative', 'numbered', 'held', 'rejected') order by row limit $2`,
        [notable, limit],
        { batchSize: pageSize },
      ),
    );
    for await (const row of rows) yield rowSchema.parse(row);
  }

  private async latestListing() {
    const { rows } = await this.client.query(
      `select id, finished_at as "finishedAt" from directory_listing where state = 'complete'
       order by finished_at desc limit 1`,
    );
    const [listing] = z.array(z.object({ id: z.string(), finishedAt: z.date() })).parse(rows);
    return listing ?? { id: noListing, finishedAt: null };
  }

  /** As a delivery of this moment would be judged. */
  private async judgeRows(source: string): Promise<void> {
    await judgeStaged(this.client, { source, mode: 'full', id: null });
    await this.client.query(
      `update previewed set employee_id = judged.employee_id,
         fate = case when outcome = 'rejected' then 'rejected' when outcome in ('duplicate', 'older') then 'repeated'
           when judged.fingerprint is null then 'left' end,
         reason = case when clashes then 'duplicate_conflict' when is_contested then 'previous_conflict'
           when outcome = 'rejected' then previewed.problems -> 0 ->> 'reason'
           when is_superseded then 'number_superseded' end
       from judged where judged.row = previewed.row`,
    );
    await this.client.query(
      `insert into wish (employee_id, source, employee_number, hire_date, gone, given, local_parts, domain, numbered, aliases,
         problem)
       select employee_id, $1, employee_number, coalesce(hire_date, ''), coalesce(gone, true), given,
         coalesce(local_parts, '{}'), domain, coalesce(numbered, false), coalesce(aliases, '{}'), problem
       from previewed where fate is null or fate = 'left'`,
      [source],
    );
    await this.client.query('analyze wish');
  }

  private async addOthers(wishOf: (record: EmployeeRecord) => WantedAddress): Promise<void> {
    // Read once, in pages between which the same connection stores what it read; it sees nothing of that.
    await this.client.query(
      `declare others no scroll cursor for
       select employee.id, employee.source, record from employee
       join employee_version on employee_version.employee_id = employee.id and employee_version.version = employee.version
       where not exists (select from wish where wish.employee_id = employee.id)`,
    );
    for (;;) {
      const { rows } = await this.client.query(`fetch ${pageSize} from others`);
      if (rows.length === 0) break;
      const wishes = othersSchema.parse(rows).map(({ id, source, record }) => {
        const { employeeNumber } = record;
        return { employeeId: id, source, employeeNumber, wave: null, ...wishOf(record) };
      });
      await copyWishes(this.client, wishes);
    }
    await this.client.query('close others');
    await indexWishes(this.client);
  }
}

const othersSchema = z.array(z.object({ id: z.string(), source: z.string(), record: employeeRecordSchema }));

async function* previewRows(
  chunks: AsyncIterable<readonly PreviewedRow[]>,
): AsyncGenerator<readonly (readonly CopyValue[])[]> {
  for await (const chunk of chunks) {
    yield chunk.map(({ row, line, employeeNumber, problems, hasLeft, accepted }) => {
      const wanted = accepted?.wanted;
      return [
        row,
        line,
        employeeNumber ?? null,
        JSON.stringify(problems),
        hasLeft,
        accepted?.fingerprint ?? null,
        accepted?.status ?? (hasLeft ? 'terminated' : null),
        accepted?.previousNumber ?? null,
        wanted?.left ?? null,
        wanted?.hireDate ?? null,
        wanted?.given ?? null,
        wanted?.localParts ?? null,
        wanted?.domain ?? null,
        wanted?.numbered ?? null,
        wanted?.aliases ?? null,
        wanted?.problem ?? null,
      ];
    });
  }
}

const previewSql = `
  create temporary table preview as
  select previewed.row, previewed.line, previewed.employee_number, verdict.how,
    case when verdict.how <> 'held' then chosen.address end as address,
    case when shown.wanted then target.address end as wanted,
    coalesce(previewed.reason, case when verdict.how = 'held' then chosen.problem end) as reason,
    case when verdict.how in ('held', 'left', 'rejected', 'repeated') then '{}'
         else array(select alias from unnest(previewed.aliases) as alias
                    where alias <> chosen.address and alias <> all(held.aliases)) end as aliases,
    case when verdict.how in ('held', 'left', 'rejected', 'repeated') then '{}' else held.aliases end as aliases_left_out,
    case when shown.wanted then holder.source end as holder_source,
    case when shown.wanted then holder.employee_number end as holder_number
  from previewed
  left join wish on wish.employee_id = previewed.employee_id and previewed.fate is null
  left join chosen on chosen.employee_id = wish.employee_id
  cross join lateral (
    select case when fate is not null then fate when previewed.gone then 'left' when chosen.problem is not null then 'held'
      else chosen.origin end as how
  ) as verdict
  cross join lateral (
    select case when verdict.how = 'held' and chosen.problem <> 'address_change_unaccepted'
        and chosen.address is not null then chosen.address
      else coalesce(previewed.given, previewed.local_parts[1] || '@' || previewed.domain) end as address
  ) as target
  cross join lateral (
    select verdict.how in ('alternative', 'numbered', 'held') or verdict.how in ('issued', 'present')
      and target.address <> chosen.address and (previewed.given is not null
        or split_part(target.address, '@', 2) <> split_part(chosen.address, '@', 2)
        or split_part(chosen.address, '@', 1) <> all(previewed.local_parts)
          and regexp_replace(split_part(chosen.address, '@', 1), '[0-9]+$', '')
            <> regexp_replace(previewed.local_parts[1], '[0-9]+$', '')) as wanted
  ) as shown
  cross join lateral (
    select coalesce(array_agg(alias order by alias), '{}') as aliases from alias_left_out
    where alias_left_out.employee_id = wish.employee_id
  ) as held
  left join known_address on known_address.address = target.address
  left join lateral (
    select other.employee_id from chosen as other
    where known_address.employee_id = wish.employee_id and other.address = target.address
      and other.employee_id <> wish.employee_id
    order by other.employee_id limit 1
  ) as rival on true
  left join wish as holder on holder.employee_id = coalesce(rival.employee_id, known_address.employee_id)
    and holder.employee_id <> wish.employee_id`;
