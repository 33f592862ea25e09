import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseQuotas } from './document.js';
import { forecast } from './forecast.js';

const shipped = readFileSync(new URL('../../../config/quotas.yaml', import.meta.url), 'utf8');
const documented = parseQuotas(shipped);
const oneDomain = (people: number) => new Map([['example.com', people]]);

const bigMove = new Map([
  ['directory.users.insert', 160_000],
  ['directory.aliases.insert', 160_000],
  ['directory.members.insert', 320_000],
  ['gmail.settings.updateLanguage', 160_000],
  ['gmail.settings.sendAs.patch', 160_000],
]);

describe('the price of a plan', () => {
  it('is what Google’s figures give for 160,000 people: creations bind, at 4.4 hours', () => {
    const price = forecast(documented, bigMove, { adminSubjects: 4, createsPerDomain: oneDomain(160_000) });
    expect(price.bindingQuota).toBe('userCreations');
    expect(price.hours).toBeCloseTo(160_000 / 10 / 3_600, 2);
    expect(price.callsPerApi).toEqual({ directory: 640_000, gmail: 320_000 });
  });

  it('adds creations up per domain only: the largest domain counts', () => {
    const createsPerDomain = new Map([
      ['one.example', 100_000],
      ['two.example', 60_000],
    ]);
    const price = forecast(documented, bigMove, { adminSubjects: 4, createsPerDomain });
    expect(price.perQuota.find(({ quota }) => quota === 'userCreations')?.hours).toBeCloseTo(100_000 / 36_000, 2);
  });

  it('counts per-user quotas only when the service account is charged for everybody', () => {
    const charged = parseQuotas(shipped, 'perUserChargedTo: serviceAccount');
    const spread = { adminSubjects: 4, createsPerDomain: oneDomain(160_000) };
    const apart = forecast(documented, bigMove, spread).perQuota.map(({ quota }) => quota);
    expect(apart).not.toContain('gmailUnitsPerUser');
    const together = forecast(charged, bigMove, spread);
    expect(together.bindingQuota).toBe('gmailUnitsPerUser');
    expect(together.hours).toBeCloseTo((160_000 * 105) / 6_000 / 60, 1);
  });

  it('takes time scale and admins as what they are: more of them never cost more', () => {
    const settings = fc.tuple(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 0, max: 200_000 }),
    );
    fc.assert(
      fc.property(settings, ([timeScale, adminSubjects, people]) => {
        const scaled = parseQuotas(shipped, `timeScale: ${timeScale}`);
        const calls = new Map([['directory.users.insert', people]]);
        const one = forecast(documented, calls, { adminSubjects: 1, createsPerDomain: oneDomain(people) });
        const many = forecast(scaled, calls, { adminSubjects, createsPerDomain: oneDomain(people) });
        expect(many.hours).toBeLessThanOrEqual(one.hours);
        expect(many.hours).toBeCloseTo(people / (10 * timeScale) / 3_600, 2);
      }),
    );
  });

  it('is nothing for no calls', () => {
    const price = forecast(documented, new Map(), { adminSubjects: 1, createsPerDomain: new Map() });
    expect(price).toEqual({ callsPerApi: {}, perQuota: [], bindingQuota: null, hours: 0 });
  });
});
