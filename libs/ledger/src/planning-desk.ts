import type { PoolClient } from 'pg';
import QueryStream from 'pg-query-stream';
import { z } from 'zod';
import {
  desiredAccountSchema,
  employeeRecordSchema,
  licenceSchema,
  observedAccountSchema,
  parseFailureReason,
  type DesiredAccount,
  type EmployeeRecord,
  type FailureReason,
  type Licence,
  type MigrationId,
  type ObservedAccount,
} from '#libs/vocabulary';
import { copyInto, type CopyValue } from './copy.js';
import type { Ledger } from './open.js';
import {
  allocateAddresses,
  leaveOutAliases,
  noteReleased,
  settleHolders,
  type AddressRules,
} from './address-allocation.js';
import { lastWrittenSql } from './last-written.js';
import { matchAccounts, noteOpened, prepareTables } from './planning-rules.js';
import { copyWishes, indexWishes, type StoredWish } from './wishes.js';

interface KnownEmployee {
  readonly employeeId: string;
  readonly source: string;
  readonly version: number;
  readonly record: EmployeeRecord;
}

export interface EmployeeToWish extends KnownEmployee {
  /** False for those who are looked at for others' sake only: managers of a round's members. */
  readonly isMember: boolean;
}

/** Everything that planning one employee needs, joined set-wise. */
export interface EmployeeToPlan extends KnownEmployee {
  readonly wave: number;
  readonly address: string | null;
  readonly problem: FailureReason | null;
  /** Why it is not certain whose account the matched one is; `problem` may name something else that stands in the way. */
  readonly matchProblem: FailureReason | null;
  readonly managerAddress: string | null;
  readonly googleId: string | null;
  readonly matchedBy: string | null;
  readonly namedByAdmin: boolean;
  /** An admin asked for the address: the account is renamed to it. */
  readonly addressAsked: boolean;
  /** Addresses that the person had before an admin changed them. */
  readonly formerAddresses: readonly string[];
  /** Former addresses of the feed's that cannot become aliases, because somebody or something else has them. */
  readonly aliasesLeftOut: readonly string[];
  readonly observed: ObservedAccount | null;
  readonly origin: 'created' | 'adopted' | null;
  /** Whether the account's suspension, and its archiving, were our doing. */
  readonly suspendedByUs: boolean;
  readonly archivedByUs: boolean;
  /** The day on which HR told that they are terminated; null for everybody else. */
  readonly terminatedOn: string | null;
  readonly gmailHash: string | null;
  readonly calendarHash: string | null;
  readonly groups: readonly string[];
  /** Memberships that we made and have not taken back, lower case; of a round's members only. */
  readonly groupsMade: readonly string[];
  /** The account was written within Google's lag: the listing may show what was there before. */
  readonly writtenLately: boolean;
  /** What a finished enrolment wrote then: the ledger is believed over the listing. Null where only a part was written. */
  readonly freshlyWritten: DesiredAccount | null;
  /** The licence that was confirmed last; null where none ever was, or where the last attempt failed. */
  readonly confirmedLicence: Licence | null;
}

const pageSize = 1_000;

/**
 * One planning pass over the company on a connection of its own: wishes, matches and addresses live in temporary tables,
 * every rule that concerns several people is one statement, and employees stream by in pages.
 */
export class PlanningDesk {
  private constructor(
    /** Holds the temporary tables. */
    private readonly client: PoolClient,
    /** Streams what the other one stores, and the other way round. */
    private readonly second: PoolClient,
    private readonly planId: string,
    private readonly listingId: string,
    /** The round whose members, and their managers, are at the desk; null: everybody. */
    private readonly roundId: MigrationId | null,
  ) {}

  static async open(
    ledger: Ledger,
    planId: string,
    { listingId, roundId }: { listingId: string; roundId: MigrationId | null },
  ): Promise<PlanningDesk> {
    const client = await ledger.pool.connect();
    const second = await ledger.pool.connect();
    await prepareTables(client);
    return new PlanningDesk(client, second, planId, listingId, roundId);
  }

  close(): void {
    // The connection goes with its temporary tables.
    this.client.release(true);
    this.second.release();
  }

  /** Everybody whom HR knows, or the members of a round and their managers, in a fixed order. */
  async *employeesToWish(): AsyncGenerator<EmployeeToWish> {
    const rows = this.second.query(
      new QueryStream(
        `select employee.id as "employeeId", employee.source, employee.version, employee_version.record,
           ${this.roundId === null ? 'true' : isMemberSql} as "isMember"
         from employee
         join employee_version on employee_version.employee_id = employee.id and employee_version.version = employee.version
         ${this.roundId === null ? '' : `where employee.id in (${membersAndManagersSql})`}
         order by employee.source, employee.employee_number`,
        this.roundId === null ? [] : [this.roundId],
        { batchSize: pageSize },
      ),
    );
    for await (const row of rows) yield toWishRow.parse(row);
  }

  /** Stores what each employee wants; those with a wave are enrolled. Returns how many are. */
  async storeWishes(wishes: AsyncIterable<StoredWish>): Promise<number> {
    await copyWishes(this.client, wishes);
    await indexWishes(this.client);
    const { rowCount } = await this.client.query(
      `insert into enrolled (employee_id, wave)
       select employee_id, wave from wish where wave is not null order by wave, source, employee_number`,
    );
    await this.client.query('analyze enrolled');
    return rowCount ?? 0;
  }

  /** Whose account is it: by mark, by the ledger, by an admin's list, by employee number. */
  async matchAccounts(lagMs: number): Promise<void> {
    await matchAccounts(this.client, this.listingId);
    await noteOpened(this.client, this.listingId, lagMs);
  }

  /**
   * One address for everybody, in one pass; what stands in the way becomes each employee's problem. Where the listing does
   * not show the whole directory, `lookUp` adds to it what holds the addresses and aliases that accounts shall get and do not have yet.
   */
  async allocateAddresses(
    rules: AddressRules,
    lookUp?: (addresses: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const { planId, listingId } = this;
    await this.client.query('update plan set reuse_after = $2::interval where id = $1', [planId, rules.reuseAfter]);
    await noteReleased(this.client, listingId);
    await allocateAddresses(this.client, listingId, rules);
    if (lookUp !== undefined) await lookUp(await this.newAddresses());
    await settleHolders(this.client, listingId, rules.reuseAfter);
    await leaveOutAliases(this.client, listingId, rules.reuseAfter);
  }

  private async newAddresses(): Promise<string[]> {
    const { rows } = await this.client.query<{ address: string }>(
      `select chosen.address from chosen join enrolled using (employee_id) left join match using (employee_id)
       left join observed_account on observed_account.listing_id = $1 and observed_account.google_id = match.google_id
       where chosen.problem is null and chosen.address <> coalesce(observed_account.primary_email, '')
       union
       select alias from wish join enrolled using (employee_id) cross join unnest(wish.aliases) as alias
       left join match using (employee_id)
       where not exists (select from observed_address where observed_address.listing_id = $1
         and observed_address.address = alias and observed_address.google_id = match.google_id)`,
      [this.listingId],
    );
    return rows.map(({ address }) => address);
  }

  /** Everybody who is enrolled, in the order of the plan: joined once and streamed, so that memory holds a page. */
  async *employeesToPlan(lagMs: number): AsyncGenerator<EmployeeToPlan> {
    const values = [this.listingId, lagMs];
    const rows = this.client.query(
      new QueryStream(employeesToPlanSql(this.roundId !== null), values, { batchSize: pageSize }),
    );
    for await (const row of rows) yield planRow.parse(row);
  }

  /** Stores what was planned; `rows` in the order of the plan. */
  async storeItems(rows: AsyncIterable<PlanItemRow>): Promise<void> {
    await copyInto(
      this.second,
      `plan_item (plan_id, employee_id, employee_version, wave, action, reason, google_id, matched_by, address, steps,
        changes, desired)`,
      mapRows(rows, (row) => [
        this.planId,
        row.employeeId,
        row.employeeVersion,
        row.wave,
        row.action,
        row.reason,
        row.googleId,
        row.matchedBy,
        row.address,
        [...row.steps],
        JSON.stringify(row.changes),
        row.desired === null ? null : JSON.stringify(row.desired),
      ]),
    );
  }

  /** Holds the addresses of those who get an account, until the plan starts or is discarded; of a plan that was discarded meanwhile, none. */
  async reserve(): Promise<void> {
    await this.client.query(
      `with computing as (select id from plan where id = $1 and state = 'computing' for share)
       insert into address_reservation (address, employee_id, kind, plan_id, state)
       select address, employee_id, 'primary', plan_id, 'tentative' from plan_item join computing on computing.id = plan_id
       where address is not null and action in ('create', 'adopt', 'update')
       order by address
       on conflict (address) do nothing`,
      [this.planId],
    );
  }
}

export interface PlanItemRow {
  readonly employeeId: string;
  readonly employeeVersion: number;
  readonly wave: number;
  readonly action: string;
  readonly reason: string | null;
  readonly googleId: string | null;
  readonly matchedBy: string | null;
  readonly address: string | null;
  readonly steps: readonly string[];
  readonly changes: readonly unknown[];
  readonly desired: unknown;
}

const isMemberSql = `exists (
  select from round_member where round_member.migration_id = $1 and round_member.employee_id = employee.id)`;

const membersAndManagersSql = `
  select employee_id from round_member where migration_id = $1
  union
  select manager.id from round_member
  join employee as member on member.id = round_member.employee_id
  join employee_version on employee_version.employee_id = member.id and employee_version.version = member.version
  join employee as manager on manager.source = member.source
    and manager.employee_number = employee_version.record ->> 'managerNumber'
  where round_member.migration_id = $1`;

/** When the termination that still stands was told, as a text; null for whom none is. */
export const terminatedOnSql = `case when employee.status = 'terminated' then (
  select to_char(min(told.recorded_at) at time zone 'UTC', 'YYYY-MM-DD') from employee_version as told
  where told.employee_id = employee.id and told.version > coalesce((
    select max(version) from employee_version as before
    where before.employee_id = employee.id and before.record ->> 'status' <> 'terminated'), 0)) end`;

/** What is left of memberships that a groups step made: all of a new account's, of any other those that were new to it. */
const groupsMadeSql = `coalesce((
  select array_agg(email) from (
    select lower(made.email) as email, max(enrolment.id) filter (where not made.left) as joined_at,
      max(enrolment.id) filter (where made.left) as left_at
    from enrolment
    join step on step.enrolment_id = enrolment.id and step.step = 'groups' and step.state = 'done'
    join plan_item as planned on planned.plan_id = enrolment.plan_id and planned.employee_id = enrolment.employee_id
    cross join lateral (select coalesce(enrolment.desired, planned.desired) as desired) as account_then
    cross join lateral (
      select jsonb_array_elements_text(case when enrolment.action = 'create' then account_then.desired -> 'groups'
        else coalesce(step.facts -> 'joined', '[]') end) as email, false as left
      union all
      select jsonb_array_elements_text(coalesce(account_then.desired -> 'groupsToLeave', '[]')), true
    ) as made (email, "left")
    where enrolment.employee_id = employee.id group by 1
  ) as membership where joined_at is not null and (left_at is null or left_at < joined_at)), '{}')`;

const employeesToPlanSql = (isRound: boolean) => `
  select employee.id as "employeeId", employee.source, employee.version, employee_version.record, enrolled.wave,
    chosen.address, chosen.problem, manager_address.address as "managerAddress", match.google_id as "googleId",
    match.matched_by as "matchedBy", match.problem as "matchProblem", adoption.employee_id is not null as "namedByAdmin",
    coalesce(asked.address = chosen.address, false) as "addressAsked",
    coalesce((select array_agg(former.address order by former.address) from address_reservation as former
              where former.employee_id = employee.id and former.kind = 'former'), '{}') as "formerAddresses",
    coalesce((select array_agg(alias order by alias) from alias_left_out
              where alias_left_out.employee_id = employee.id), '{}') as "aliasesLeftOut", observed_account.account as observed, account.origin,
    coalesce(account.suspended_by_us, false) as "suspendedByUs", coalesce(account.archived_by_us, false) as "archivedByUs",
    ${terminatedOnSql} as "terminatedOn",
    account.gmail_hash as "gmailHash", account.calendar_hash as "calendarHash",
    coalesce((select array_agg(group_email) from observed_membership
              where observed_membership.listing_id = $1 and observed_membership.google_id = match.google_id), '{}') as groups,
    ${isRound ? groupsMadeSql : `'{}'::text[]`} as "groupsMade",
    coalesce(account.written_at > now() - $2 * interval '1 millisecond', false) as "writtenLately",
    case when account.written_at > now() - $2 * interval '1 millisecond' then (
      select desired from ${lastWrittenSql} as last where state = 'done'
    ) end as "freshlyWritten",
    case when account.employee_id is not null then (
      select case when step.state = 'done' then coalesce(enrolment.desired, plan_item.desired) -> 'licence' end
      from enrolment join step on step.enrolment_id = enrolment.id and step.step = 'licence'
      join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
      where enrolment.employee_id = employee.id order by enrolment.id desc limit 1
    ) end as "confirmedLicence"
  from enrolled
  join employee on employee.id = enrolled.employee_id
  join employee_version on employee_version.employee_id = employee.id and employee_version.version = employee.version
  left join chosen on chosen.employee_id = employee.id
  left join match on match.employee_id = employee.id
  left join account on account.employee_id = employee.id
  left join adoption on adoption.employee_id = employee.id
  left join address_reservation as asked on asked.employee_id = employee.id and asked.kind = 'primary'
    and asked.state = 'issued' and asked.asked_by is not null
  left join observed_account on observed_account.listing_id = $1 and observed_account.google_id = match.google_id
  left join employee as manager on manager.source = employee.source
    and manager.employee_number = employee_version.record ->> 'managerNumber'
  left join chosen as manager_address on manager_address.employee_id = manager.id
  order by enrolled.position`;

const wishRow = z.object({
  employeeId: z.string(),
  source: z.string(),
  version: z.number(),
  record: employeeRecordSchema,
});

const reason = z
  .string()
  .nullable()
  .transform((word) => (word === null ? null : parseFailureReason(word)));

const toWishRow = wishRow.extend({ isMember: z.boolean() });

const planRow = wishRow.extend({
  wave: z.number(),
  address: z.string().nullable(),
  problem: reason,
  matchProblem: reason,
  managerAddress: z.string().nullable(),
  googleId: z.string().nullable(),
  matchedBy: z.string().nullable(),
  namedByAdmin: z.boolean(),
  addressAsked: z.boolean(),
  formerAddresses: z.array(z.string()),
  aliasesLeftOut: z.array(z.string()),
  observed: observedAccountSchema.nullable(),
  origin: z.enum(['created', 'adopted']).nullable(),
  suspendedByUs: z.boolean(),
  archivedByUs: z.boolean(),
  terminatedOn: z.string().nullable(),
  gmailHash: z.string().nullable(),
  calendarHash: z.string().nullable(),
  groups: z.array(z.string()),
  groupsMade: z.array(z.string()),
  writtenLately: z.boolean(),
  freshlyWritten: desiredAccountSchema.nullable(),
  confirmedLicence: licenceSchema.nullable(),
});

async function* mapRows<T>(rows: AsyncIterable<T>, toRow: (row: T) => CopyValue[]): AsyncGenerator<CopyValue[]> {
  for await (const row of rows) yield toRow(row);
}
