import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GoogleCallError } from '#libs/google';
import type { WorkItem } from '#libs/ledger';
import { allSteps, type StepContext, type StepResult } from '#libs/migration';
import type { DesiredAccount, StepName } from '#libs/vocabulary';
import { domain, TestCompany } from './company.js';

const sku = { productId: 'Google-Apps', skuId: '1010020026' };
const otherSku = { productId: 'Google-Apps', skuId: '1010020030' };

let company: TestCompany;
beforeAll(async () => {
  company = await TestCompany.open({
    automaticLicensing: false,
    licences: [
      { ...sku, pool: 100 },
      { ...otherSku, pool: 100 },
    ],
  });
});
afterAll(() => company.close());

let serial = 0;

/** An employee of one test's own. */
function desired(changes: Partial<DesiredAccount> = {}): DesiredAccount {
  serial += 1;
  return {
    primaryEmail: `step${serial}@${domain}`,
    name: { givenName: 'Step', familyName: `No${serial}` },
    orgUnitPath: '/',
    suspended: false,
    employeeNumber: `s${serial}`,
    organization: {},
    phones: [],
    aliases: [],
    groups: [],
    licence: { assignment: 'none', productId: '', skuId: '' },
    password: 'sso',
    gmail: {},
    calendar: {},
    ...changes,
  };
}

const employeeId = '0b6a7f0e-6b4e-4c0a-9d27-2f2d8c3a1e55';

function item(account: DesiredAccount, step: StepName, changes: Partial<WorkItem> = {}): WorkItem {
  return {
    enrolmentId: 1,
    employeeId,
    step,
    action: 'create',
    desired: account,
    googleId: null,
    origin: null,
    suspendedByUs: false,
    archivedByUs: false,
    inDoubt: false,
    attempts: 0,
    overdue: false,
    facts: {},
    sinceWrittenMs: null,
    gmailHash: null,
    calendarHash: null,
    namedByAdmin: false,
    addressAsked: false,
    passwordHash: null,
    heldLicence: null,
    waitedFor: null,
    newer: null,
    ...changes,
  };
}

function run(one: WorkItem, prior: unknown[] = []): Promise<StepResult> {
  const context: StepContext = {
    item: one,
    workspace: company.workspace,
    call: {},
    recordPrior: async (value) => void prior.push(value),
    calendarIds: new Map(),
    throwAwayPassword: () => company.worker.throwAwayPassword(),
  };
  return allSteps[one.step](context);
}

/** Makes the account and gives its id at Google. */
async function created(account: DesiredAccount): Promise<string> {
  const result = await run(item(account, 'account'));
  return result.account?.googleId ?? '';
}

const refusal = async (attempt: Promise<unknown>) => {
  const error = await attempt.then(
    () => undefined,
    (problem: unknown) => problem,
  );
  return error instanceof GoogleCallError ? error.reason : error;
};

describe('account', () => {
  test('finds its own account after a lost reply instead of creating a second one', async () => {
    const account = desired();
    const googleId = await created(account);
    const doubtful = await run(item(account, 'account', { inDoubt: true }));
    const repeated = await run(item(account, 'account'));
    for (const result of [doubtful, repeated]) {
      expect(result).toMatchObject({ kind: 'done', account: { googleId, origin: 'created' } });
    }
  });

  test('takes no account that turned up without our mark, nor one whose alias is the address', async () => {
    const account = desired({ aliases: [`alias-of-step@${domain}`] });
    await company.simulator.plant([
      { kind: 'user', primaryEmail: account.primaryEmail, aliases: [`alias-of-step@${domain}`] },
    ]);
    expect(await run(item(account, 'account'))).toMatchObject({ kind: 'failed', reason: 'account_turned_up' });
    const another = desired({ primaryEmail: `alias-of-step@${domain}` });
    expect(await run(item(another, 'account'))).toMatchObject({ kind: 'failed', reason: 'address_taken_since' });
  });

  test('does not create an account with a password that nobody has', async () => {
    await expect(run(item(desired({ password: 'handover' }), 'account'))).rejects.toThrow('no first password');
  });

  test('keeps what was there before it changes an existing account, and writes nothing where nothing differs', async () => {
    const account = desired();
    const googleId = await created(account);
    const known = { googleId, origin: 'created', action: 'update' } as const;
    const prior: unknown[] = [];
    expect(await run(item(account, 'account', known), prior)).toMatchObject({
      kind: 'done',
      account: { wrote: false },
    });
    expect(prior).toEqual([]);
    const renamed = { ...account, name: { givenName: 'New', familyName: 'Name' } };
    expect(await run(item(renamed, 'account', known), prior)).toMatchObject({ kind: 'done', account: { wrote: true } });
    expect(prior).toMatchObject([{ googleId, name: { givenName: 'Step' } }]);
  });

  test('never renames an account back that somebody renamed', async () => {
    const account = desired();
    const googleId = await created(account);
    const elsewhere = { ...account, primaryEmail: `elsewhere${serial}@${domain}` };
    const result = await run(item(elsewhere, 'account', { googleId, origin: 'created', action: 'update' }));
    expect(result).toMatchObject({ kind: 'failed', reason: 'rename_needed' });
  });
});

describe('aliases', () => {
  test('an alias that is there already is done, one that somebody else has is a conflict', async () => {
    const account = desired({ aliases: [`mine@${domain}`] });
    const googleId = await created(account);
    for (let time = 0; time < 2; time += 1) {
      expect(await run(item(account, 'aliases', { googleId, origin: 'created' }))).toMatchObject({ kind: 'done' });
    }
    const other = desired({ aliases: [`mine@${domain}`] });
    const otherId = await created(other);
    const result = await run(item(other, 'aliases', { googleId: otherId, origin: 'created' }));
    expect(result).toMatchObject({ kind: 'failed', reason: 'address_held_by_alias' });
  });
});

describe('groups', () => {
  const group = `everyone@${domain}`;
  beforeAll(() => company.workspace.directory.insertGroup({}, { email: group, name: 'Everyone' }));

  test('asks once, then looks until the membership is seen', async () => {
    const account = desired({ groups: [group] });
    const googleId = await created(account);
    const asked = await run(item(account, 'groups', { googleId }));
    expect(asked).toMatchObject({ kind: 'waiting', reason: 'membership_not_visible', facts: { asked: true } });
    expect(await run(item(account, 'groups', { googleId, facts: { asked: true } }))).toEqual({ kind: 'done' });
    expect(await run(item(account, 'groups', { googleId, inDoubt: true }))).toMatchObject({ kind: 'waiting' });
  });

  test('a membership that stays unseen is asked for once more, then it is a failure', async () => {
    const account = desired({ groups: [group] });
    const googleId = await created(account);
    const late = { googleId, facts: { asked: true }, overdue: true };
    expect(await run(item(account, 'groups', late))).toMatchObject({ kind: 'waiting', facts: { joinedAgain: true } });
    expect(await run(item(account, 'groups', { googleId, facts: { asked: true, joinedAgain: true } }))).toEqual({
      kind: 'done',
    });
    const gone = desired({ groups: [group] });
    const goneId = await created(gone);
    const hopeless = { googleId: goneId, facts: { asked: true, joinedAgain: true }, overdue: true };
    expect(await run(item(gone, 'groups', hopeless))).toEqual({ kind: 'failed', reason: 'mismatch_persists' });
  });

  test('a group that is not there is this employee’s failure', async () => {
    const account = desired({ groups: [`nowhere@${domain}`] });
    const googleId = await created(account);
    expect(await refusal(run(item(account, 'groups', { googleId })))).toBe('group_missing');
  });
});

describe('licence', () => {
  test('a licence that the account has already is done; another of the product is this employee’s conflict', async () => {
    const account = desired({ licence: { assignment: 'assign', ...sku } });
    await created(account);
    for (let time = 0; time < 2; time += 1) expect(await run(item(account, 'licence'))).toEqual({ kind: 'done' });
    const other = { ...account, licence: { assignment: 'assign', ...otherSku } } as const;
    expect(await refusal(run(item(other, 'licence')))).toBe('licence_conflict');
  });

  test('a licence that we gave before is switched, also when the reply to the switch was lost', async () => {
    const account = desired({ licence: { assignment: 'assign', ...sku } });
    await created(account);
    await run(item(account, 'licence'));
    const wanted = { ...account, licence: { assignment: 'assign', ...otherSku } } as const;
    const prior: unknown[] = [];
    for (let time = 0; time < 2; time += 1) {
      expect(await run(item(wanted, 'licence', { heldLicence: account.licence }), prior)).toEqual({ kind: 'done' });
    }
    expect(prior[0]).toEqual({ licence: sku });
    expect(await company.workspace.licensing.get({}, otherSku, account.primaryEmail)).toBe(true);
    expect(await company.workspace.licensing.get({}, sku, account.primaryEmail)).toBe(false);
  });

  test('an automatic one is looked for, never assigned; the first look costs no call', async () => {
    const account = desired({ licence: { assignment: 'automatic', ...sku } });
    await created(account);
    expect(await run(item(account, 'licence'))).toMatchObject({ kind: 'waiting', reason: 'licence_not_visible' });
    const asked = { facts: { asked: true } };
    expect(await run(item(account, 'licence', asked))).toMatchObject({ kind: 'waiting' });
    await company.workspace.licensing.insert({}, sku, account.primaryEmail);
    expect(await run(item(account, 'licence', asked))).toEqual({ kind: 'done' });
  });
});

describe('confirm', () => {
  const drifted = async () => {
    const account = desired();
    const googleId = await created(account);
    await company.workspace.directory.updateUser({}, googleId, { name: { givenName: 'Other', familyName: 'Tool' } });
    return { account, known: { googleId, origin: 'created' } as const };
  };

  test('an account that is as wanted is done', async () => {
    const account = desired();
    const googleId = await created(account);
    expect(await run(item(account, 'confirm', { googleId, origin: 'created' }))).toEqual({ kind: 'done' });
  });

  test('a difference waits, is repaired once when it is old, and is a failure after that', async () => {
    const { account, known } = await drifted();
    expect(await run(item(account, 'confirm', known))).toMatchObject({ kind: 'waiting', reason: 'change_not_visible' });
    const repair = await run(item(account, 'confirm', { ...known, inDoubt: true }));
    expect(repair).toMatchObject({ kind: 'waiting', facts: { repaired: true }, account: { wrote: true } });
    const repaired = { ...known, facts: { repaired: true }, inDoubt: true };
    expect(await run(item(account, 'confirm', repaired))).toEqual({ kind: 'done' });
    await company.workspace.directory.updateUser({}, known.googleId, { name: { givenName: 'Again', familyName: 'T' } });
    expect(await run(item(account, 'confirm', repaired))).toEqual({ kind: 'failed', reason: 'mismatch_persists' });
  });

  test('of a leaver only the suspension is looked at', async () => {
    const { account, known } = await drifted();
    const leaver = { ...account, suspended: true };
    const suspension = { ...known, action: 'suspend' } as const;
    await run(item(leaver, 'account', suspension));
    expect(await run(item(leaver, 'confirm', suspension))).toEqual({ kind: 'done' });
    const held = await company.account(account.primaryEmail);
    expect(held).toMatchObject({ suspended: true, name: { givenName: 'Other' } });
  });
});

describe('people who have not begun', () => {
  test.each(['gmail', 'calendar', 'mailbox'] as const)(
    '%s waits for the first working day without a call',
    async (step) => {
      const account = desired({ suspended: true });
      const waiting = { googleId: '1', origin: 'created', waitedFor: 'suspended_until_start' } as const;
      const result = await run(item(account, step, waiting));
      expect(result).toMatchObject({ kind: 'waiting', reason: 'suspended_until_start' });
    },
  );
});
