import { describe, expect, it } from 'vitest';
import { Canary } from './canary.js';
import { GoogleCallError } from './errors.js';
import { TrackRecord } from './track-record.js';

const scopes = ['https://scope.example/one'];
const refused = (status: number | undefined, reason: 'scope_not_delegated' | 'google_unavailable' | 'quota_refused') =>
  new GoogleCallError({ method: 'token.mint', reason, status, effect: 'none' });

/** A canary whose questions are counted, with the answer that they end with. */
function canaryThat(answer: () => Promise<unknown>, address?: string) {
  const asked: string[] = [];
  const ask = (what: string) => (subject: string) => {
    asked.push(`${what} ${subject}`);
    return answer();
  };
  return {
    asked,
    canary: new Canary({ token: ask('token'), gmail: ask('gmail'), calendar: ask('calendar') }, address),
  };
}

describe('the canary', () => {
  it('says nothing while none is known', () => {
    const { canary, asked } = canaryThat(async () => 'token');
    expect(canary.getsToken(scopes)).toBeUndefined();
    expect(canary.reaches('gmail', scopes)).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('is asked once however many want to know, and each question apart', async () => {
    const { canary, asked } = canaryThat(async () => 'token', 'c@corp.example');
    const answers = await Promise.all([...Array(30).keys()].map(async () => canary.getsToken(scopes)));
    expect(new Set(answers)).toEqual(new Set([true]));
    await canary.reaches('gmail', scopes);
    await canary.reaches('calendar', scopes);
    await canary.getsToken([]);
    expect(asked).toEqual([
      'token c@corp.example',
      'gmail c@corp.example',
      'calendar c@corp.example',
      'token c@corp.example',
    ]);
  });

  it('says no only when permission is refused: an outage, a quota or a fault says nothing of scopes', async () => {
    const says = (error: Error) => {
      const { canary } = canaryThat(async () => {
        throw error;
      }, 'c@corp.example');
      return canary.getsToken(scopes);
    };
    expect(await says(refused(403, 'scope_not_delegated'))).toBe(false);
    expect(await says(refused(401, 'scope_not_delegated'))).toBe(false);
    expect(await says(refused(503, 'google_unavailable'))).toBe(true);
    expect(await says(refused(undefined, 'google_unavailable'))).toBe(true);
    expect(await says(refused(403, 'quota_refused'))).toBe(true);
    expect(await says(new Error('the governor is closed'))).toBe(true);
  });

  it('is known by its address in any case, and a new one is asked anew', async () => {
    const { canary, asked } = canaryThat(async () => 'token', 'c@corp.example');
    expect(canary.is('C@Corp.Example')).toBe(true);
    await canary.getsToken(scopes);
    canary.set('other@corp.example');
    expect(canary.is('c@corp.example')).toBe(false);
    await canary.getsToken(scopes);
    expect(asked).toEqual(['token c@corp.example', 'token other@corp.example']);
  });
});

describe('the track record of a call', () => {
  it('takes a refusal for everyone’s when the call never worked', () => {
    expect(new TrackRecord().refusedAlone('directory.users.get')).toBe(false);
  });

  it('takes single refusals between successes for one account’s, and many in a row for everyone’s', () => {
    const record = new TrackRecord();
    for (let call = 0; call < 20; call += 1) {
      record.succeeded('directory.users.get');
      expect(record.refusedAlone('directory.users.get')).toBe(true);
    }
    const inARow = Array.from({ length: 10 }, () => record.refusedAlone('directory.users.get'));
    expect(inARow.indexOf(false)).toBeGreaterThan(2);
    expect(inARow.slice(inARow.indexOf(false)).every((alone) => !alone)).toBe(true);
    record.succeeded('directory.users.get');
    expect(record.refusedAlone('directory.users.get')).toBe(true);
  });

  it('keeps calls apart', () => {
    const record = new TrackRecord();
    record.succeeded('directory.users.get admin1');
    expect(record.refusedAlone('directory.users.get admin2')).toBe(false);
    expect(record.refusedAlone('directory.users.get admin1')).toBe(true);
  });
});
