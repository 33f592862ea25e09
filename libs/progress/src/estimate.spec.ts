import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ProgressFacts } from '#libs/ledger';
import type { ProgressDocument } from '#libs/vocabulary';
import { facts, minutesAgo, now, row, sample } from '../test/builders.js';
import { toDocument } from './document.js';

type Estimate = ProgressDocument['eta'];

const minutesLeft = (iso: string) => (Date.parse(iso) - now.getTime()) / 60_000;

/** The three times in minutes from now; fails when there is no estimate. */
function spanOf(eta: Estimate): { earliest: number; likely: number; latest: number } {
  if (eta.finishAt === null) throw new Error(`no estimate: ${eta.reason}`);
  return {
    earliest: minutesLeft(eta.earliest),
    likely: minutesLeft(eta.finishAt),
    latest: minutesLeft(eta.latest),
  };
}

const eta = (change: Parameters<typeof facts>[0]) => toDocument(facts(change)).eta;
const steady = [
  sample(0, 4_000, 40_000),
  sample(1, 3_900, 39_000),
  sample(5, 3_500, 35_000),
  sample(30, 1_000, 10_000),
];

describe('without a promise', () => {
  test('a paused or pausing migration has no estimate, and says why', () => {
    for (const state of ['paused', 'pausing']) {
      expect(eta({ migration: { state }, samples: steady, counters: [row({ count: 100 })] })).toEqual({
        finishAt: null,
        reason: 'The migration is paused.',
      });
    }
  });

  test('one that does not run has none either', () => {
    for (const state of ['draft', 'planned', 'approved', 'completed', 'completedWithIssues', 'cancelled']) {
      expect(eta({ migration: { state }, samples: steady, counters: [row({ count: 100 })] }).finishAt).toBeNull();
    }
  });

  test('nor one that has no pace yet', () => {
    expect(eta({ counters: [row({ count: 100 })] })).toMatchObject({ reason: expect.stringContaining('no pace') });
    const still = [sample(0, 10, 50), sample(1, 10, 50)];
    expect(eta({ counters: [row({ count: 100 })], samples: still }).finishAt).toBeNull();
  });

  test('nor one of whose reckoned calls hardly any has left', () => {
    const reckoned = { callsPerApi: { directory: 100_000 }, perQuota: [] };
    const at = (calls: number) => [sample(0, 0, calls), sample(1, 0, 0)];
    const counters = [row({ count: 1_000 }), row({ step: 'account', count: 1_000 })];
    expect(eta({ counters, samples: at(900), price: reckoned }).finishAt).toBeNull();
    expect(eta({ counters, samples: at(1_100), price: reckoned }).finishAt).not.toBeNull();
  });

  test('people who wait for their first working day are promised nothing', () => {
    const prehires = row({ state: 'waiting', reason: 'suspended_until_start', count: 900 });
    expect(eta({ counters: [prehires], samples: steady })).toMatchObject({
      finishAt: null,
      reason: expect.stringContaining('first working day'),
    });
    expect(eta({ counters: [prehires, row({ count: 100 })], samples: steady })).toEqual(
      eta({ counters: [row({ count: 100 })], samples: steady }),
    );
  });
});

describe('from the pace of people', () => {
  test('a hundred a minute finish a thousand in ten minutes', () => {
    expect(spanOf(eta({ counters: [row({ count: 1_000 })], samples: steady })).likely).toBeCloseTo(10, 3);
  });

  test('failed and conflicting people are never promised: they change nothing', () => {
    const stuck = [
      row({ state: 'failed', reason: 'licence_missing', count: 500 }),
      row({ state: 'conflict', reason: 'maybe_same_person', count: 500 }),
      row({ state: 'skipped', reason: 'left', count: 500 }),
    ];
    expect(eta({ counters: [row({ count: 1_000 }), ...stuck], samples: steady })).toEqual(
      eta({ counters: [row({ count: 1_000 })], samples: steady }),
    );
  });

  test('a slower and a faster pace than the present one widen the range', () => {
    const samples = [sample(0, 4_000, 0), sample(1, 3_900, 0), sample(5, 3_800, 0), sample(10, 1_000, 0)];
    const { earliest, likely, latest } = spanOf(eta({ counters: [row({ count: 1_000 })], samples }));
    expect(likely).toBeCloseTo(10, 3);
    expect(earliest).toBeLessThan(4);
    expect(latest).toBeGreaterThan(20);
  });

  test('when nobody is left it is over now', () => {
    expect(spanOf(eta({ counters: [row({ state: 'done', count: 9 })], samples: steady }))).toEqual({
      earliest: 0,
      likely: 0,
      latest: 0,
    });
  });
});

const price = (hours: number, change: object = {}) => ({
  callsPerApi: { directory: 8_000, gmail: 2_000 },
  perQuota: [{ quota: 'userCreations', api: 'directory', scope: 'domain', amount: 1_000, hours, ...change }],
});

describe('against the quotas', () => {
  const counters = [
    row({ count: 1_000 }),
    row({ step: 'account', count: 1_000 }),
    row({ step: 'gmail', count: 1_000 }),
  ];

  test('it is never earlier than the quotas allow for what is left, and names the one that binds', () => {
    const estimated = eta({ counters, samples: steady, price: price(1) });
    const { earliest, likely, latest } = spanOf(estimated);
    expect(likely).toBeCloseTo(60, 3);
    expect(earliest).toBeCloseTo(60, 3);
    expect(latest).toBeGreaterThanOrEqual(60);
    expect(estimated).toMatchObject({ bindingQuota: 'userCreations' });
  });

  test('a quota whose lane is through holds nothing up any more', () => {
    const made = [row({ count: 1_000 }), row({ step: 'account', state: 'done', count: 1_000 })];
    expect(spanOf(eta({ counters: made, samples: steady, price: price(1) })).likely).toBeCloseTo(10, 3);
  });

  test('later steps of failed people, which never run, count for nothing', () => {
    const blocked = [
      row({ count: 10 }),
      row({ state: 'failed', reason: 'invalid_field', count: 990 }),
      row({ step: 'account', state: 'failed', reason: 'invalid_field', count: 990 }),
      row({ step: 'confirm', count: 1_000 }),
    ];
    const lane = price(100, { quota: 'directoryQueries', scope: 'project' });
    expect(spanOf(eta({ counters: blocked, samples: steady, price: lane })).likely).toBeLessThan(60);
  });

  test('a quota that is used to the full binds although the pace is slower than the plan reckoned', () => {
    const quota = { scope: 'project', window: 'minute', limit: 100, rejected: 0 };
    const quotas = [
      { ...quota, quota: 'half', used: 50 },
      { ...quota, quota: 'full', used: 96 },
      { ...quota, quota: 'daily', window: 'day', used: 100 },
    ];
    const [newest, ...earlier] = steady;
    const samples = newest === undefined ? [] : [{ ...newest, quotas }, ...earlier];
    expect(eta({ counters, samples })).toMatchObject({ bindingQuota: 'full' });
    expect(eta({ counters, samples: steady })).toMatchObject({ bindingQuota: null });
  });
});

describe('while the pace is young', () => {
  const counters = [
    row({ state: 'inProgress', count: 1_000 }),
    row({ step: 'account', state: 'done', count: 1_000 }),
    row({ step: 'gmail', count: 1_000 }),
  ];
  const young = [sample(0, 0, 1_000), sample(0.5, 0, 500)];

  test('the calls that are left at the pace of calls tell, before anybody has finished', () => {
    const { earliest, likely, latest } = spanOf(eta({ counters, samples: young, price: price(0) }));
    expect(likely).toBeCloseTo(5, 3);
    expect(earliest).toBeLessThan(likely);
    expect(latest).toBeCloseTo(10, 3);
  });

  test('the first few who finish do not make the estimate jump', () => {
    const few = [sample(0, 3, 1_000), sample(0.5, 0, 500)];
    expect(eta({ counters, samples: few, price: price(0) })).toEqual(
      eta({ counters, samples: young, price: price(0) }),
    );
  });
});

test('the earliest is never after the likely end, nor that after the latest, nor any before now', () => {
  const figure = fc.integer({ min: 0, max: 200_000 });
  const samples = fc
    .tuple(figure, figure, figure, figure, figure, figure, fc.integer({ min: 0, max: 4 }))
    .map(([a, b, c, x, y, z, length]): ProgressFacts['samples'] =>
      [sample(0, a + b + c, x + y + z), sample(1, a + b, x + y), sample(6, a, x), sample(90, 0, 0)].slice(0, length),
    );
  const states = fc.constantFrom('pending', 'inProgress', 'waiting', 'done', 'failed');
  const counters = fc.array(
    fc.record({
      wave: fc.constant(1),
      step: fc.constantFrom('', 'account', 'gmail'),
      state: states,
      reason: fc.constant(''),
      count: figure,
    }),
  );
  const hours = fc.double({ min: 0, max: 100, noNaN: true });
  fc.assert(
    fc.property(samples, counters, fc.option(hours), (taken, counted, planned) => {
      const reckoned = planned === null ? null : price(planned);
      const estimated = eta({ samples: taken, counters: counted, price: reckoned });
      if (estimated.finishAt === null) {
        expect(estimated.reason).not.toBe('');
        return;
      }
      const { earliest, likely, latest } = spanOf(estimated);
      expect(earliest).toBeGreaterThanOrEqual(0);
      expect(earliest).toBeLessThanOrEqual(likely);
      expect(likely).toBeLessThanOrEqual(latest);
    }),
  );
});

test('rates are a minute’s worth, and nothing while it does not run', () => {
  const running = toDocument(facts({ samples: steady }));
  expect(running.rate).toEqual({ employeesPerMinute: 100, callsPerMinute: 1_000 });
  expect(toDocument(facts({ samples: [sample(0, 50, 500)] })).rate).toEqual({
    employeesPerMinute: 0,
    callsPerMinute: 0,
  });
  const paused = toDocument(facts({ samples: steady, migration: { state: 'paused', causeSince: minutesAgo(1) } }));
  expect(paused.rate).toEqual({ employeesPerMinute: 0, callsPerMinute: 0 });
});
