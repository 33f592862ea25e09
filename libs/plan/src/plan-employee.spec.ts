import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FailureReason, ObservedAccount } from '#libs/vocabulary';
import {
  afterwards,
  anotherId,
  desiredArbitrary,
  desiredOf,
  employeeId,
  merged,
  observedArbitrary,
  observedOf,
  strangerOf,
} from '../test/builders.js';
import { planEmployee, type PlanInput } from './plan-employee.js';
import { settingsFingerprint } from './settings.js';
import { userPatch } from './user-body.js';

const inputOf = (changes: Partial<PlanInput> = {}): PlanInput => ({ desired: desiredOf(), employeeId, ...changes });

/** What planning is given for an account that we made and finished earlier. */
function finished(changes: Partial<PlanInput> = {}): PlanInput {
  const desired = changes.desired ?? desiredOf();
  return inputOf({
    observed: observedOf(desired, { aliases: desired.aliases.map((alias) => alias.toUpperCase()) }),
    matchedBy: 'mark',
    origin: 'created',
    observedGroups: new Set(desired.groups),
    observedLicence: desired.licence,
    confirmedSettings: settingsFingerprint(desired),
    ...changes,
  });
}

const mark = (id: string) => ({ type: 'custom', customType: 'bascule', value: id });

describe('planning one employee without an account', () => {
  it('creates it with every step that the wish asks for', () => {
    const planned = planEmployee(inputOf());
    expect(planned.action).toBe('create');
    expect(planned.steps).toEqual([
      'account',
      'aliases',
      'licence',
      'groups',
      'mailbox',
      'gmail',
      'calendar',
      'confirm',
    ]);
  });

  it('leaves out what the wish does not ask for', () => {
    const licence = { assignment: 'none' as const, productId: '', skuId: '' };
    const bare = desiredOf({ aliases: [], groups: [], licence, gmail: {}, calendar: {} });
    expect(planEmployee(inputOf({ desired: bare })).steps).toEqual(['account', 'confirm']);
  });

  it('makes none for someone who has left', () => {
    expect(planEmployee(inputOf({ leaver: true }))).toMatchObject({ action: 'skip', reason: 'left', steps: [] });
  });
});

describe('planning one employee with an account of ours', () => {
  it('has nothing to do when all is as wished', () => {
    expect(planEmployee(finished())).toMatchObject({ action: 'nothing', steps: [], changes: [] });
  });

  it('has nothing to do when only case, spaces or a cut name differ', () => {
    const desired = desiredOf({ name: { givenName: 'é'.repeat(80), familyName: 'Lefèvre' }, language: 'pt-BR' });
    const observed = observedOf(desired, {
      aliases: ['ZOE@shop.example'],
      orgUnitPath: '/shop/fr/',
      languages: [{ languageCode: 'pt_br', preference: 'preferred' }],
      phones: [{ type: 'work', value: '+33123' }],
    });
    expect(planEmployee(finished({ desired, observed }))).toMatchObject({ action: 'nothing' });
  });

  it('updates field by field, with the account and its confirmation only', () => {
    const desired = desiredOf({
      orgUnitPath: '/Shop/DE',
      organization: { title: 'Head of store', department: 'Stores' },
    });
    const planned = planEmployee(
      finished({ desired, observed: observedOf(desiredOf(), { aliases: ['zoe@shop.example'] }) }),
    );
    expect(planned).toMatchObject({ action: 'update', steps: ['account', 'confirm'] });
    expect(planned.changes).toEqual([
      { field: 'orgUnitPath', from: '/Shop/FR', to: '/Shop/DE' },
      { field: 'organization.title', from: 'Seller', to: 'Head of store' },
    ]);
  });

  it('joins missing groups and aliases, and takes none away', () => {
    const observed = observedOf(desiredOf(), { aliases: ['own@shop.example'] });
    const planned = planEmployee(finished({ observed, observedGroups: new Set(['club@shop.example']) }));
    expect(planned.steps).toEqual(['aliases', 'groups', 'confirm']);
    expect(planned.changes).toEqual([
      { field: 'aliases', from: null, to: ['zoe@shop.example'] },
      { field: 'groups', from: null, to: ['all-fr@shop.example'] },
    ]);
  });

  it('corrects a licence that is listed wrong or missing, and trusts one that was not listed', () => {
    const other = { productId: 'Google-Apps', skuId: '1010020030' };
    expect(planEmployee(finished({ observedLicence: other })).steps).toEqual(['licence', 'confirm']);
    expect(planEmployee(finished({ observedLicence: null })).steps).toEqual(['licence', 'confirm']);
    expect(planEmployee(finished({ observedLicence: undefined })).action).toBe('nothing');
  });

  it('writes settings again only when an enforced one changed', () => {
    const personal = desiredOf({ calendar: { timeZone: { mode: 'once', value: 'Europe/Berlin' } } });
    expect(
      planEmployee(finished({ desired: personal, confirmedSettings: settingsFingerprint(desiredOf()) })).action,
    ).toBe('nothing');
    const enforced = desiredOf({ gmail: { signature: { mode: 'always', value: 'new' } } });
    const planned = planEmployee(finished({ desired: enforced, confirmedSettings: settingsFingerprint(desiredOf()) }));
    expect(planned).toMatchObject({ action: 'update', steps: ['mailbox', 'gmail', 'confirm'] });
  });

  it('writes settings that were never confirmed', () => {
    const planned = planEmployee(finished({ confirmedSettings: undefined }));
    expect(planned.steps).toEqual(['mailbox', 'gmail', 'calendar', 'confirm']);
  });

  it('unsuspends whom it suspended itself, and suspends whom HR sends home', () => {
    const suspended = observedOf(desiredOf(), { suspended: true, aliases: ['zoe@shop.example'] });
    const back = planEmployee(finished({ observed: suspended, suspendedByUs: true }));
    expect(back).toMatchObject({ action: 'update', changes: [{ field: 'suspended', from: true, to: false }] });
    const desired = desiredOf({ suspended: true });
    const observed = observedOf(desiredOf(), { aliases: ['zoe@shop.example'] });
    const home = planEmployee(finished({ desired, observed, status: 'leave' }));
    expect(home).toMatchObject({ action: 'suspend', changes: [{ field: 'suspended', from: false, to: true }] });
  });

  it('renames when an admin approved it', () => {
    const observed = observedOf(desiredOf({ primaryEmail: 'old@shop.example' }), { aliases: ['zoe@shop.example'] });
    expect(planEmployee(finished({ observed, renameApproved: true }))).toMatchObject({
      action: 'update',
      changes: [{ field: 'primaryEmail', from: 'old@shop.example', to: 'zoe.lefevre@shop.example' }],
    });
  });
});

describe('planning a leaver', () => {
  it('suspends and changes nothing else', () => {
    const desired = desiredOf({ orgUnitPath: '/Elsewhere', suspended: true });
    const planned = planEmployee(finished({ desired, observed: observedOf(), leaver: true }));
    expect(planned).toMatchObject({
      action: 'suspend',
      steps: ['account', 'confirm'],
      changes: [{ field: 'suspended', from: false, to: true }],
    });
  });

  it('has nothing to do once suspended or archived', () => {
    for (const state of [{ suspended: true }, { archived: true }]) {
      const observed = observedOf(desiredOf(), state);
      expect(planEmployee(finished({ observed, status: 'terminated' })).action).toBe('nothing');
    }
  });

  it('does not adopt on the way: an account known by its number is suspended and no more', () => {
    const planned = planEmployee(inputOf({ observed: strangerOf(), matchedBy: 'number', leaver: true }));
    expect(planned).toMatchObject({ action: 'suspend', changes: [{ field: 'suspended', from: false, to: true }] });
  });
});

describe('adopting an account', () => {
  const adopt = (changes: Partial<PlanInput> = {}) =>
    planEmployee(inputOf({ observed: strangerOf(), matchedBy: 'number', ...changes }));

  it('adds the mark and the number and writes enforced settings only', () => {
    const planned = adopt();
    expect(planned.action).toBe('adopt');
    expect(planned.steps).toEqual(['account', 'aliases', 'licence', 'groups', 'mailbox', 'gmail', 'confirm']);
    expect(planned.changes.map(({ field }) => field)).toEqual(expect.arrayContaining(['mark', 'employeeNumber']));
  });

  it('leaves an account at work active though HR calls the person a pre-hire', () => {
    const planned = adopt({ desired: desiredOf({ suspended: true }), status: 'prehire' });
    expect(planned.changes.map(({ field }) => field)).not.toContain('suspended');
    expect(planned.desired?.suspended).toBe(false);
  });

  it('is done for one that carries our mark though the ledger forgot it', () => {
    expect(planEmployee(inputOf({ observed: observedOf(), matchedBy: 'mark' })).action).toBe('adopt');
  });
});

describe('an obstacle', () => {
  const by = (observed: Partial<ObservedAccount>, rest: Partial<PlanInput> = {}) =>
    planEmployee(inputOf({ observed: strangerOf(observed), matchedBy: 'number', ...rest }));

  it.each<[FailureReason, Partial<ObservedAccount>, Partial<PlanInput>]>([
    ['account_claimed_twice', { externalIds: [mark(anotherId)] }, {}],
    ['account_claimed_twice', { externalIds: [mark(anotherId)] }, { namedByAdmin: true, matchedBy: 'list' }],
    ['maybe_same_person', {}, { matchedBy: 'address' }],
    ['maybe_same_person', {}, { matchedBy: undefined }],
    ['suspended_by_another', { suspended: true }, {}],
    ['suspended_by_another', { suspended: true }, { origin: 'created' }],
    ['suspended_by_another', { suspended: true, suspensionReason: 'ABUSE' }, { suspendedByUs: true }],
    ['suspended_by_another', { archived: true }, {}],
    ['rename_needed', { primaryEmail: 'other@shop.example' }, {}],
  ])('is the conflict %s', (reason, observed, rest) => {
    expect(by(observed, rest)).toMatchObject({ action: 'conflict', reason, steps: [], changes: [] });
  });

  it('is an admin’s account, unless an admin named it', () => {
    for (const role of [{ isAdmin: true }, { isDelegatedAdmin: true }]) {
      expect(by(role)).toMatchObject({ action: 'skip', reason: 'google_admin' });
      expect(by(role, { leaver: true })).toMatchObject({ action: 'skip', reason: 'google_admin' });
      expect(by(role, { matchedBy: 'list', namedByAdmin: true }).action).toBe('adopt');
    }
  });

  it('is none where an admin named the account that has the address', () => {
    expect(by({}, { matchedBy: 'address', namedByAdmin: true }).action).toBe('adopt');
  });
});

describe('whatever is planned', () => {
  const anyInput: fc.Arbitrary<PlanInput> = fc
    .record({
      desired: desiredArbitrary,
      observed: fc.option(observedArbitrary, { nil: undefined }),
      matchedBy: fc.constantFrom('mark' as const, 'list' as const, 'number' as const, 'address' as const),
      origin: fc.constantFrom(undefined, 'created' as const, 'adopted' as const),
      status: fc.constantFrom(
        undefined,
        'active' as const,
        'prehire' as const,
        'leave' as const,
        'terminated' as const,
      ),
      namedByAdmin: fc.boolean(),
      suspendedByUs: fc.boolean(),
      renameApproved: fc.boolean(),
      observedGroups: fc.option(fc.constant(new Set(['all-fr@shop.example', 'club@shop.example'])), { nil: undefined }),
      observedLicence: fc.constantFrom(undefined, null, { productId: 'Google-Apps', skuId: '1010020026' }),
    })
    .map((input) => ({ ...input, employeeId }));

  it('gives nothing to do once it was carried out', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const first = planEmployee(input);
        const second = planEmployee(afterwards(input, first));
        if (first.action === 'conflict' || first.action === 'skip') expect(second).toEqual(first);
        else expect(second).toMatchObject({ action: 'nothing', steps: [], changes: [] });
      }),
      { numRuns: 500 },
    );
  });

  it('keeps every entry of other tools', () => {
    const ours = new Set(['organization', 'manager', 'work', 'mobile']);
    fc.assert(
      fc.property(anyInput, (input) => {
        const { observed } = input;
        fc.pre(observed !== undefined);
        if (observed === undefined) return;
        const planned = planEmployee(input);
        const desired = planned.desired ?? input.desired;
        const after = merged(observed, userPatch(planned.changes, observed, desired, { employeeId }));
        for (const list of ['externalIds', 'relations', 'phones'] as const) {
          const foreign = observed[list].filter((entry) => !ours.has(String(entry['type'])));
          for (const entry of foreign) expect(after[list]).toContainEqual(entry);
        }
        expect(after.organizations.length).toBeGreaterThanOrEqual(observed.organizations.length);
        expect(after.languages.length).toBeGreaterThanOrEqual(observed.languages.length);
      }),
    );
  });

  it('never unsuspends what someone else suspended', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const planned = planEmployee({ ...input, suspendedByUs: false });
        const change = planned.changes.find(({ field }) => field === 'suspended');
        if (input.observed?.suspended === true) expect(change).toBeUndefined();
      }),
    );
  });
});
