import { isDeepStrictEqual } from 'node:util';
import { dayAtWork, evaluate, hasLeft, isHiredLater, nextDay, wishAddress, type Blueprint } from '#libs/blueprint';
import type { DuePerson } from '#libs/ledger';
import type { DesiredAccount, EmployeeRecord } from '#libs/vocabulary';

export interface JudgedPerson {
  readonly employeeId: string;
  readonly version: number;
  /** The next day on which the same record may ask for another account. */
  readonly lookOn: string | null;
  /** The record asks for another account than the one that was last confirmed: a round must look into it. */
  readonly asks: boolean;
}

/**
 * Whether someone's record, today, asks for another account than the last confirmed one, by the ledger alone: for most
 * rows of most deliveries the answer is no, and Google is not asked. Pure.
 */
export function judgePerson(
  blueprint: Blueprint,
  selects: (record: EmployeeRecord, today: string) => boolean,
  person: DuePerson,
  now: Date,
): JudgedPerson {
  const { employeeId, version, record } = person;
  const today = dayAtWork(record, now);
  // Leaving, or another number, may take somebody out of the selection whose account is there to be suspended.
  const isMeant = person.isWatched || selects(record, today);
  const asks = isMeant && (person.isUnsure || asksForMore(blueprint, person, today));
  const lookOn = nextDay(record, today, person.terminatedOn ?? undefined, blueprint.settings.employment);
  return { employeeId, version, lookOn, asks };
}

function asksForMore(blueprint: Blueprint, person: DuePerson, today: string): boolean {
  const { record, confirmed, issuedAddress } = person;
  if (confirmed === null) {
    return !hasLeft(record, today) && !isHiredLater(record, today, blueprint.settings.employment);
  }
  if (issuedAddress !== null && issuedAddress !== confirmed.primaryEmail.toLowerCase()) return true;
  const { wish, aliases } = wishAddress(blueprint, record, today);
  if (wish.kind === 'given' && wish.address.toLowerCase() !== confirmed.primaryEmail.toLowerCase()) return true;
  const evaluation = evaluate(blueprint, {
    record,
    address: confirmed.primaryEmail,
    aliases,
    managerAddress: person.managerAddress ?? undefined,
    today,
    terminatedOn: person.terminatedOn ?? undefined,
    existing: existingOf(confirmed),
  });
  const { groupsToLeave: _left, ...before } = confirmed;
  return 'reason' in evaluation || !isDeepStrictEqual(evaluation.account, before);
}

/** Org units and groups that the confirmed account uses are there; only planning knows what else is. */
const existingOf = ({ orgUnitPath, groups }: DesiredAccount) => ({
  orgUnits: new Set([orgUnitPath.toLowerCase()]),
  groups: new Set(groups.map((group) => group.toLowerCase())),
});
