import {
  blockedAddresses,
  dayAtWork,
  isLegalLocalPart,
  isReservedByGoogle,
  parseBlueprint,
  wishAddress,
  type AddressWish,
  type Blueprint,
} from '#libs/blueprint';
import {
  addressObstacle,
  changeAddress,
  findBlueprint,
  readAddressHolding,
  readBlueprintVersion,
  type AddressHolding,
  type Ledger,
} from '#libs/ledger';
import { failures, type FailureReason } from '#libs/vocabulary';

/** Why an address was not changed, in a sentence that says what to do. */
export class AddressChangeError extends Error {
  constructor(
    readonly code: 'employee_not_found' | 'blueprint_unknown' | 'address_wrong' | FailureReason,
    message: string,
  ) {
    super(message);
    this.name = 'AddressChangeError';
  }
}

export interface WantedChange {
  readonly employeeId: string;
  /** Left out: the one that the feed gives, else the pattern's. */
  readonly address?: string | undefined;
  /** Name or id; left out: that of the person's latest migration. */
  readonly blueprint?: string | undefined;
  readonly actor: string;
  readonly now: Date;
}

const numbersMax = 1_000;

/**
 * An admin asks for another address for one person. It is the person's from now on; the next plan renames the account, and
 * the address before stays as an alias.
 *
 * @throws AddressChangeError when the address may not be had, or the person is under way; nothing is changed then.
 */
export async function askForAddress(
  ledger: Ledger,
  wanted: WantedChange,
): Promise<{ address: string; before: string | null }> {
  const { employeeId, actor } = wanted;
  const holding = await readAddressHolding(ledger.db, employeeId);
  if (holding === undefined) throw new AddressChangeError('employee_not_found', 'There is no employee with this id.');
  if (holding.underWayIn !== null) {
    throw new AddressChangeError(
      'under_way_elsewhere',
      `The employee is under way in the migration ${holding.underWayIn}: wait until it has finished with them.`,
    );
  }
  const blueprint = await blueprintFor(ledger, holding, wanted.blueprint);
  const address =
    wanted.address === undefined
      ? await suggested(ledger, blueprint, holding, wanted)
      : checked(blueprint, wanted.address.trim().toLowerCase());
  const refused = await changeAddress(ledger.db, { employeeId, address, actor });
  if (refused !== undefined) throw refusal(refused);
  return { address, before: holding.address };
}

async function blueprintFor(ledger: Ledger, holding: AddressHolding, named: string | undefined): Promise<Blueprint> {
  const found = named === undefined ? holding.blueprint : await findBlueprint(ledger.db, named);
  if (found === null || found === undefined) {
    throw new AddressChangeError(
      'blueprint_unknown',
      named === undefined
        ? 'The employee was in no migration yet: name the blueprint whose domains and pattern count.'
        : 'There is no blueprint with this name or id.',
    );
  }
  const parsed = parseBlueprint(await readBlueprintVersion(ledger.db, found.id, found.version));
  if ('blueprint' in parsed) return parsed.blueprint;
  throw new AddressChangeError('blueprint_unknown', 'The blueprint no longer passes: check it, and store it anew.');
}

function checked(blueprint: Blueprint, address: string): string {
  const [localPart = '', domain = '', ...more] = address.split('@');
  if (more.length > 0 || !isLegalLocalPart(localPart)) {
    throw new AddressChangeError(
      'address_wrong',
      'Google takes letters, digits, - _ . and ’ before the @, at most 64.',
    );
  }
  if (isReservedByGoogle(localPart)) throw refusal('address_reserved');
  if (blueprint.declaredGroups.has(address)) throw refusal('address_held_by_group');
  if (blockedAddresses(blueprint).includes(address)) throw refusal('address_reserved');
  if (blueprint.domains.includes(domain)) return address;
  throw new AddressChangeError('address_wrong', 'The address is on none of the domains of the blueprint.');
}

async function suggested(
  ledger: Ledger,
  blueprint: Blueprint,
  { record, address: before }: AddressHolding,
  { employeeId, now }: WantedChange,
): Promise<string> {
  const { wish } = wishAddress(blueprint, record, dayAtWork(record, now));
  if (wish.kind === 'problem') throw refusal(wish.reason);
  const blocked = new Set(blockedAddresses(blueprint));
  for (const candidate of candidates(wish)) {
    if (blocked.has(candidate)) continue;
    if (candidate === before) return candidate;
    if ((await addressObstacle(ledger.db, employeeId, candidate)) === undefined) return candidate;
  }
  throw refusal('address_held_by_colleague');
}

/** In the order in which planning tries them. */
function* candidates(wish: Exclude<AddressWish, { kind: 'problem' }>): Generator<string> {
  if (wish.kind === 'given') {
    yield wish.address;
    return;
  }
  const { localParts, domain, numbered } = wish;
  for (const localPart of localParts) yield `${localPart}@${domain}`;
  if (!numbered) return;
  for (let n = 2; n <= numbersMax; n += 1) yield `${localParts[0]}${n}@${domain}`;
}

function refusal(reason: FailureReason): AddressChangeError {
  const { summary, whatToDo } = failures[reason];
  return new AddressChangeError(reason, `${summary} ${whatToDo}`);
}
