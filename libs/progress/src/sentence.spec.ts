import { describe, expect, test } from 'vitest';
import {
  employeeStates,
  employmentStatuses,
  failures,
  isFailureReason,
  migrationStates,
  stepNames,
} from '#libs/vocabulary';
import { account, detail, enrolment, step } from '../test/builders.js';
import { plainSentence } from './sentence.js';

const reasons = Object.keys(failures).filter(isFailureReason);

test('every state, reason, migration’s state and status of HR gives whole sentences with an answer for the caller', () => {
  const wrong: string[] = [];
  for (const state of employeeStates) {
    for (const reason of [null, ...reasons]) {
      for (const migrationState of migrationStates) {
        for (const status of employmentStatuses) {
          for (const known of [null, account]) {
            const steps = state === 'waiting' || state === 'failed' ? [step({ step: 'gmail', state, reason })] : [];
            const enrolled = enrolment({ state, reason, migrationState, causeReason: reason, steps });
            const text = plainSentence(detail({ status, account: known, enrolment: enrolled }));
            const whole = /^(Can|Cannot) sign in.*Tell the caller .+\.$/.test(text);
            if (!whole || /[a-z]_[a-z]|undefined|null|\.\.|\s\s/.test(text)) wrong.push(text);
          }
        }
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('a step of every kind can be told in words', () => {
  for (const name of stepNames) {
    const failed = enrolment({
      state: 'failed',
      steps: [step({ step: name, state: 'failed', reason: 'retries_exhausted' })],
    });
    expect(plainSentence(detail({ enrolment: failed }))).toContain('failed: Google kept failing for this employee.');
  }
});

describe('who can sign in', () => {
  const done = enrolment({ state: 'done', steps: [step({ step: 'account', state: 'done' })] });

  test('somebody whose account we made signs in by the company’s sign-in or the password handed over', () => {
    expect(plainSentence(detail({ account, enrolment: done }))).toBe(
      'Can sign in as zoe@example.com with the company’s own sign-in. Mail and calendar are ready. Everything is done. ' +
        'Tell the caller to sign in; if that fails, the password is the likely cause.',
    );
    const handover = { ...done, planned: { suspended: false, password: 'handover' } } as const;
    expect(plainSentence(detail({ account, enrolment: handover }))).toContain(
      'with the password that they were handed',
    );
  });

  test('somebody whose account was adopted keeps what they had', () => {
    const adopted = { ...account, origin: 'adopted' } as const;
    expect(plainSentence(detail({ account: adopted, enrolment: done }))).toContain(
      'Can sign in as zoe@example.com with the account that they had before.',
    );
  });

  test('nobody without an account', () => {
    expect(plainSentence(detail())).toBe(
      'Cannot sign in: there is no account yet. No migration that has started includes them. ' +
        'Tell the caller that their turn is still to come, and ask IT when.',
    );
  });

  test('a pre-hire not before the first working day, and mail waits for it', () => {
    const waiting = enrolment({
      state: 'waiting',
      reason: 'suspended_until_start',
      planned: { suspended: true, password: 'sso' },
      steps: [
        step({ step: 'account', state: 'done' }),
        step({ step: 'gmail', state: 'waiting', reason: 'suspended_until_start' }),
        step({ step: 'calendar', state: 'waiting', reason: 'suspended_until_start' }),
      ],
    });
    expect(plainSentence(detail({ status: 'prehire', account, enrolment: waiting }))).toBe(
      'Cannot sign in yet: the account is ready but suspended until the first working day (2026-12-01). ' +
        'Mail and calendar are not ready. The rest waits for the first working day (2026-12-01). ' +
        'Tell the caller that mail and calendar are set up then, by themselves.',
    );
  });

  test('a leaver not, once the account is suspended; an account that Google showed suspended neither', () => {
    const left = enrolment({
      action: 'suspend',
      state: 'done',
      planned: { suspended: true, password: 'sso' },
      steps: [step({ step: 'account', state: 'done' })],
    });
    expect(plainSentence(detail({ status: 'terminated', account, enrolment: left }))).toContain(
      'Cannot sign in: they have left and the account is suspended.',
    );
    const suspended = { ...account, suspended: true };
    expect(plainSentence(detail({ account: suspended }))).toContain('Cannot sign in: the account is suspended.');
  });

  test('a leaver still, until the suspension is written', () => {
    const leaving = enrolment({
      action: 'suspend',
      planned: { suspended: true, password: 'sso' },
      steps: [step({ step: 'account', state: 'pending' })],
    });
    expect(plainSentence(detail({ status: 'terminated', account, enrolment: leaving }))).toMatch(/^Can sign in/);
  });
});

describe('mail and calendar', () => {
  test('each is told by its own steps', () => {
    const half = (mail: 'done' | 'pending', calendar: 'done' | 'pending') =>
      plainSentence(
        detail({
          account,
          enrolment: enrolment({
            state: 'inProgress',
            steps: [
              step({ step: 'mailbox', state: 'done' }),
              step({ step: 'gmail', state: mail }),
              step({ step: 'calendar', state: calendar }),
            ],
          }),
        }),
      );
    expect(half('done', 'pending')).toContain('Mail is ready, the calendar is not.');
    expect(half('pending', 'done')).toContain('The calendar is ready, mail is not.');
    expect(half('pending', 'pending')).toContain('Mail and calendar are not ready.');
    expect(half('done', 'done')).toContain('Mail and calendar are ready.');
  });
});

describe('why and since when', () => {
  test('a wait names what it waits for, since when, and the latest end', () => {
    const waiting = enrolment({
      state: 'waiting',
      reason: 'mailbox_not_ready',
      steps: [
        step({ step: 'account', state: 'done' }),
        step({
          step: 'mailbox',
          state: 'waiting',
          reason: 'mailbox_not_ready',
          since: '2026-11-25T09:12:30Z',
          deadlineAt: '2026-11-25T10:12:30Z',
        }),
        step({ step: 'gmail', state: 'pending' }),
      ],
    });
    expect(plainSentence(detail({ account, enrolment: waiting }))).toBe(
      'Can sign in as zoe@example.com with the company’s own sign-in. The calendar is ready, mail is not. ' +
        'It waits for the mailbox since 2026-11-25 09:12 UTC. Google has not made the mailbox yet. ' +
        'Tell the caller that nothing is wrong: it comes by itself, at the latest by 2026-11-25 10:12 UTC.',
    );
  });

  test('a failure names its step, since when, what to tell, and what IT is to do', () => {
    const failed = enrolment({
      state: 'failed',
      reason: 'signature_too_long',
      steps: [step({ step: 'gmail', state: 'failed', reason: 'signature_too_long' })],
    });
    const at = new Date('2026-11-25T09:30:00Z');
    const timeline = [{ at, kind: 'step', step: 'gmail', state: 'failed', reason: 'signature_too_long' }];
    expect(plainSentence(detail({ account, enrolment: failed, timeline }))).toContain(
      'The mail settings failed since 2026-11-25 09:30 UTC: the signature is longer than Gmail allows (10,000 characters). ' +
        'Tell the caller that IT must mend it first and that trying again does not help. ' +
        'For IT: Shorten the signature template in the blueprint, then retry.',
    );
  });

  test('a conflict says that an admin must decide, and that nothing was done', () => {
    const conflict = enrolment({ action: 'conflict', state: 'conflict', reason: 'maybe_same_person', planned: null });
    expect(plainSentence(detail({ enrolment: conflict }))).toBe(
      'Cannot sign in with an account of Bascule’s: none has been made. ' +
        'Nothing was done: the wanted address belongs to an account that may be the same person’s. ' +
        'Tell the caller that an admin must decide first and that trying again does not help. ' +
        'For IT: If it is theirs, adopt it; else give this employee another address.',
    );
  });

  test('a paused migration says so, why and since when, to those who still have their turn', () => {
    const paused = enrolment({
      migrationState: 'paused',
      causeReason: 'licences_used_up',
      causeSince: new Date('2026-11-25T08:00:00Z'),
    });
    expect(plainSentence(detail({ enrolment: paused }))).toBe(
      'Cannot sign in: there is no account yet. ' +
        '“The big move” is paused since 2026-11-25 08:00 UTC: no licence is left. ' +
        'Tell the caller that it goes on by itself once IT resumes it.',
    );
  });

  test('those left out are told why', () => {
    const out = (reason: 'left' | 'excluded' | 'cancelled' | 'google_admin') =>
      plainSentence(detail({ account, enrolment: enrolment({ state: 'skipped', reason }) }));
    expect(out('left')).toContain('the employee left before their first write.');
    expect(out('excluded')).toContain('an admin excluded the employee.');
    expect(out('cancelled')).toContain('a later migration will include them');
    expect(out('google_admin')).toContain('their account stays as it is');
  });
});
