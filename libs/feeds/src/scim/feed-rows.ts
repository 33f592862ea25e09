import type {
  ComposeDelivery,
  NumberOfReference,
  ScimChange,
  ScimDeliveryContent,
  ScimObject,
  ScimValue,
} from '#libs/ledger';
import type { FeedField, ScimSettings } from '#libs/vocabulary';
import { columnOf } from '../fields.js';
import { isRealDay, workerNumberMax } from '../rows.js';
import { isPrimary, isScimList, isScimObject } from './canonical.js';
import { enterpriseUrn, workerUrn } from './schemas.js';

const partOf = (value: ScimValue | undefined, name: string): ScimValue | undefined =>
  isScimObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
const textOf = (value: ScimValue | undefined): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value : undefined;
const namedText = (value: ScimValue | undefined, name: string) => textOf(partOf(value, name));

/**
 * The worker's number of a new user; it never changes afterwards. Of externalId, the enterprise employeeNumber and userName
 * the first that is not empty, the first two in the order that the source settles.
 */
export function employeeNumberOf(resource: ScimObject, { employeeNumberFrom }: ScimSettings): string {
  const external = textOf(resource['externalId']);
  const enterprise = namedText(resource[enterpriseUrn], 'employeeNumber');
  const found = employeeNumberFrom === 'externalId' ? (external ?? enterprise) : (enterprise ?? external);
  return (found ?? textOf(resource['userName']) ?? '').trim();
}

export const managerOf = (resource: ScimObject): string | undefined =>
  namedText(partOf(resource[enterpriseUrn], 'manager'), 'value');

const workerTypes = new Set(['EMPLOYEE', 'TEMP', 'CONTRACTOR', 'INTERN']);

/** The row that a user is in a feed: what HR would have sent of them in a file. */
export function feedRowOf(
  change: Omit<ScimChange, 'id'>,
  settings: ScimSettings,
  numberOf: NumberOfReference,
): Partial<Record<FeedField, ScimValue>> {
  const { resource } = change;
  const enterprise = resource[enterpriseUrn];
  const worker = resource[workerUrn];
  const manager = managerOf(resource);
  const workEmail = namedText(valueOfType(resource['emails'], 'work'), 'value');
  return present({
    employeeNumber: change.employeeNumber,
    legalGivenName: namedText(resource['name'], 'givenName'),
    legalFamilyName: namedText(resource['name'], 'familyName'),
    preferredGivenName: namedText(partOf(worker, 'preferredName'), 'givenName') ?? textOf(resource['nickName']),
    preferredFamilyName: namedText(partOf(worker, 'preferredName'), 'familyName'),
    latinGivenName: namedText(partOf(worker, 'latinName'), 'givenName'),
    latinFamilyName: namedText(partOf(worker, 'latinName'), 'familyName'),
    workerType: workerTypeOf(resource, settings),
    status: statusOf(change),
    hireDate: namedText(worker, 'hireDate') ?? (settings.hiredWhenCreated ? dayOfCreation(change) : undefined),
    endDate: namedText(worker, 'terminationDate'),
    country: countryOf(resource) ?? settings.country,
    locationCode: namedText(worker, 'locationCode'),
    companyCode: namedText(worker, 'companyCode') ?? namedText(enterprise, 'organization'),
    department: namedText(enterprise, 'department'),
    costCentre: namedText(enterprise, 'costCenter'),
    jobTitle: textOf(resource['title']),
    previousNumber: namedText(worker, 'previousWorkerId'),
    managerNumber: manager === undefined ? undefined : managerNumberOf(manager, numberOf),
    workLanguage: namedText(worker, 'workLanguage') ?? firstLanguage(textOf(resource['preferredLanguage'])),
    fte: partOf(worker, 'fte'),
    workEmail,
    legacyEmails: partOf(worker, 'legacyEmails'),
    workPhone: phoneOf(resource['phoneNumbers'], 'work'),
    mobilePhone: phoneOf(resource['phoneNumbers'], 'mobile'),
  });
}

/** Nobody is hired after they left: a platform may learn of a worker on their way out, and that must not lose the leaver. */
function dayOfCreation({ createdAt, resource }: Omit<ScimChange, 'id'>): string {
  const day = createdAt.toISOString().slice(0, 10);
  const end = /^\d{4}-\d{2}-\d{2}(?=T|$)/.exec(namedText(resource[workerUrn], 'terminationDate')?.trim() ?? '')?.[0];
  return end !== undefined && end < day && isRealDay(end) ? end : day;
}

/** Who is not known to SCIM may be known by that number from elsewhere; what can be no number would only cost the whole row. */
function managerNumberOf(reference: string, numberOf: NumberOfReference): string | undefined {
  const number = (numberOf(reference) ?? reference).trim();
  return number.length <= workerNumberMax && number.isWellFormed() && !/[\0\uFFFD]/.test(number) ? number : undefined;
}

function present(row: Readonly<Record<FeedField, ScimValue | undefined>>): Partial<Record<FeedField, ScimValue>> {
  const kept: Partial<Record<FeedField, ScimValue>> = {};
  for (const [name, value] of Object.entries(row)) if (value !== undefined) Object.assign(kept, { [name]: value });
  return kept;
}

/** Who is deleted or not active has left; who is active is what HR says, else simply active. */
function statusOf({ resource, isDeleted }: Omit<ScimChange, 'id'>): string {
  if (isDeleted || resource['active'] === false) return 'TERMINATED';
  return namedText(resource[workerUrn], 'status') ?? 'ACTIVE';
}

/** HR's own word wins; a userType that is none of ours, such as Member, gives way to what is settled for the source. */
function workerTypeOf(resource: ScimObject, { workerType }: ScimSettings): string | undefined {
  const own = namedText(resource[workerUrn], 'workerType');
  if (own !== undefined) return own;
  const userType = textOf(resource['userType']);
  const isKnown = userType !== undefined && workerTypes.has(userType.trim().toUpperCase());
  return isKnown ? userType : (workerType?.toUpperCase() ?? userType);
}

function countryOf(resource: ScimObject): string | undefined {
  const own = namedText(resource[workerUrn], 'country');
  return own ?? namedText(valueOfType(resource['addresses'], 'work'), 'country');
}

/** The value of that type; else the primary one, else the only one, if it is of no other type. */
function valueOfType(list: ScimValue | undefined, type: string): ScimValue | undefined {
  const values = isScimList(list) ? list : [];
  const typed = values.filter((value) => namedText(value, 'type')?.toLowerCase() === type);
  if (typed.length > 0) return typed.find(isPrimary) ?? typed[0];
  const untyped = values.filter((value) => namedText(value, 'type') === undefined);
  return untyped.find(isPrimary) ?? untyped[0];
}

/** RFC 3966 puts `tel:` before the number. */
function phoneOf(list: ScimValue | undefined, type: string): string | undefined {
  const values = isScimList(list) ? list : [];
  const found = values.find((value) => namedText(value, 'type')?.toLowerCase() === type);
  return namedText(found, 'value')?.replace(/^tel:/i, '');
}

/** SCIM's preferredLanguage may be a list with weights, as in Accept-Language (RFC 7643, 4.1.1). */
const firstLanguage = (text: string | undefined): string | undefined => text?.split(/[,;]/)[0]?.trim();

/** One NDJSON row for each employee; of several users who were the same employee the newest counts. */
export const composeScimDelivery: ComposeDelivery = (settings, changes, numberOf): ScimDeliveryContent => {
  const lastOf = new Map(changes.map((change) => [change.employeeNumber, change]));
  const rows = new Map<string, number>();
  const lines: string[] = [];
  for (const change of changes) {
    if (lastOf.get(change.employeeNumber) !== change) continue;
    const row = feedRowOf(change, settings.scim, numberOf);
    lines.push(JSON.stringify(Object.fromEntries(fieldsOf(row).map(([field, value]) => [columnOf(field), value]))));
    rows.set(change.id, lines.length);
  }
  return { bytes: Buffer.from(`${lines.join('\n')}\n`), rows };
};

const isField = (name: string, row: object): name is FeedField => Object.hasOwn(row, name);

function fieldsOf(row: Partial<Record<FeedField, ScimValue>>): [FeedField, ScimValue][] {
  return Object.entries(row).flatMap(([name, value]): [FeedField, ScimValue][] =>
    isField(name, row) ? [[name, value]] : [],
  );
}
