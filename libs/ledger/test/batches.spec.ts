import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  batchesToOffer,
  dueSteps,
  endErrand,
  formErrand,
  type StepChange,
  formBatch,
  leaseBatch,
  moveMigration,
  readFigures,
  renewLease,
  settle,
} from '#libs/ledger';
import { change, form, makeDue, openTestLedger, running, take, worker, type TestLedger } from './fixture.js';

let opened: TestLedger;
beforeAll(async () => {
  opened = await openTestLedger();
});
afterAll(() => opened.close());

const people = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, at) => ({ number: `${prefix}${at}`, steps: ['account', 'confirm'] as const }));

const settleAs = (batch: Awaited<ReturnType<typeof take>>, outcome: Partial<StepChange>) =>
  settle(opened.ledger, {
    migrationId: batch.migrationId,
    slot: 1,
    actor: 'test',
    timeScale: 1,
    shares: [{ batch, changes: batch.items.map((item) => change(item, outcome)), accounts: [], last: true }],
  });

const settleAll = (batch: Awaited<ReturnType<typeof take>>) => settleAs(batch, {});

describe('forming', () => {
  test('two dispatchers at once never put a step into two batches', async () => {
    const { ledger } = opened;
    const id = await running(ledger, people('form', 40));
    const hints = await Promise.all(Array.from({ length: 8 }, () => form(ledger, id, 'account', 10)));
    const { rows } = await ledger.pool.query<{ size: number; held: number }>(
      `select size, (select count(*)::int from step where batch_id = batch.id) as held from batch where migration_id = $1`,
      [id],
    );
    expect(hints.filter((hint) => hint !== undefined)).toHaveLength(rows.length);
    expect(rows.every(({ size, held }) => size === held)).toBe(true);
    const left =
      (await dueSteps(ledger.db, id, { direct: 100, listed: 100 })).find(({ step }) => step === 'account')?.direct ?? 0;
    expect(rows.reduce((sum, { held }) => sum + held, 0) + left).toBe(40);
  });

  test('those who wait for a listing, however many, do not hide those who need a call of their own', async () => {
    const { ledger } = opened;
    const id = await running(
      ledger,
      people('hidden', 12).map((person) => ({ ...person, steps: ['account', 'groups'] as const })),
    );
    await settleAll(await take(ledger, id, 'account'));
    await makeDue(ledger);
    await settleAs(await take(ledger, id, 'groups', 10), { state: 'waiting', reason: 'membership_not_visible' });
    expect(await dueSteps(ledger.db, id, { direct: 5, listed: 5 })).toEqual([
      { step: 'groups', direct: 2, overdue: 0, listed: 5 },
    ]);
    const request = { migrationId: id, step: 'groups', lane: 'directory', sizeMax: 5 } as const;
    const direct = await formBatch(ledger.db, { ...request, due: ['direct'] });
    const leased = await leaseBatch(ledger, direct?.batchId ?? 0, worker);
    expect(leased?.items).toHaveLength(2);
  });

  test('who outlives the deadline is left to the next listing first, and needs a call only when that has passed by', async () => {
    const { ledger } = opened;
    const id = await running(ledger, people('overdue', 3));
    await settleAll(await take(ledger, id, 'account'));
    await makeDue(ledger);
    await ledger.pool.query("update step set deadline_at = now() - interval '1 minute' where migration_id = $1", [id]);
    const due = () => dueSteps(ledger.db, id, { direct: 100, listed: 100 }, { confirm: 'list-users' });
    expect(await due()).toEqual([{ step: 'confirm', direct: 0, overdue: 3, listed: 3 }]);
    const request = { migrationId: id, kind: 'list-users', lane: 'directory', pauseMs: 0, restMaxMs: 0 } as const;
    const list = async () => {
      const errand = await formErrand(ledger.db, request);
      const listing = await leaseBatch(ledger, errand?.batchId ?? 0, worker);
      if (listing === undefined) throw new Error('the listing is not to be had');
      return listing;
    };
    await endErrand(ledger.db, await list(), false);
    expect(await due()).toMatchObject([{ direct: 0, overdue: 3, listed: 3 }]);
    const listing = await list();
    expect(await due()).toMatchObject([{ direct: 0, overdue: 3, listed: 3 }]);
    await endErrand(ledger.db, listing, true);
    expect(await due()).toEqual([{ step: 'confirm', direct: 3, overdue: 0, listed: 3 }]);
  });

  test('steps whose prerequisites are not done, and steps of a wave that has not begun, are in no batch', async () => {
    const { ledger } = opened;
    const id = await running(ledger, [
      { number: 'early', steps: ['account', 'confirm'], wave: 1 },
      { number: 'late', steps: ['account'], wave: 2 },
    ]);
    expect(await form(ledger, id, 'confirm')).toBeUndefined();
    const batch = await take(ledger, id, 'account');
    expect(batch.items.map(({ desired }) => desired.employeeNumber)).toEqual(['early']);
  });
});

describe('the lease', () => {
  test('is had by one worker only, and by nobody while the migration is not running', async () => {
    const { ledger } = opened;
    const id = await running(ledger, people('lease', 3));
    const hint = await form(ledger, id, 'account');
    const batchId = hint?.batchId ?? 0;
    await moveMigration(ledger.db, { id, from: ['running'], to: 'pausing', cause: 'paused_by_admin', actor: 'test' });
    expect(await leaseBatch(ledger, batchId, worker)).toBeUndefined();
    await moveMigration(ledger.db, { id, from: ['pausing'], to: 'running', cause: null, actor: 'test' });
    const leases = await Promise.all([1, 2, 3].map(() => leaseBatch(ledger, batchId, worker)));
    expect(leases.filter((lease) => lease !== undefined)).toHaveLength(1);
  });

  test('is retaken only after its end and the longest call; what it carried is then in doubt', async () => {
    const { ledger } = opened;
    const id = await running(ledger, people('retake', 2));
    const first = await take(ledger, id, 'account');
    expect(first.items.map(({ inDoubt }) => inDoubt)).toEqual([false, false]);
    const patient = { ...worker, callTimeoutMs: 3_600_000 };
    await ledger.pool.query("update batch set lease_until = now() - interval '1 minute' where id = $1", [
      first.batchId,
    ]);
    expect(await leaseBatch(ledger, first.batchId, patient)).toBeUndefined();
    const second = await leaseBatch(ledger, first.batchId, worker);
    expect(second?.fence).toBe(first.fence + 1);
    expect(second?.items.map(({ inDoubt }) => inDoubt)).toEqual([true, true]);
    expect(await renewLease(ledger.db, first.batchId, first.fence, 60_000)).toBe(false);
    expect(await renewLease(ledger.db, first.batchId, second?.fence ?? 0, 60_000)).toBe(true);
  });

  test('that has ended cannot be extended, even by its owner', async () => {
    const { ledger } = opened;
    const batch = await take(ledger, await running(ledger, people('expired', 1)), 'account');
    await ledger.pool.query("update batch set lease_until = now() - interval '1 second' where id = $1", [
      batch.batchId,
    ]);
    expect(await renewLease(ledger.db, batch.batchId, batch.fence, 60_000)).toBe(false);
  });
});

describe('the fence', () => {
  test('lets an older lease settle nothing', async () => {
    const { ledger } = opened;
    const id = await running(ledger, people('fence', 2));
    const old = await take(ledger, id, 'account');
    await ledger.pool.query("update batch set lease_until = now() - interval '1 hour' where id = $1", [old.batchId]);
    const fresh = await leaseBatch(ledger, old.batchId, worker);
    expect(await settleAll(old)).toEqual(new Set());
    const { rows } = await ledger.pool.query(
      "select distinct state from step where migration_id = $1 and step = 'account'",
      [id],
    );
    expect(rows).toEqual([{ state: 'running' }]);
    if (fresh === undefined) throw new Error('the batch was not to be had');
    expect(await settleAll(fresh)).toEqual(new Set([old.batchId]));
    expect(await leaseBatch(ledger, old.batchId, worker)).toBeUndefined();
  });
});

describe('offers', () => {
  test('a batch that nobody took up is offered again, and so is one whose worker is gone', async () => {
    const { ledger } = opened;
    const id = await running(ledger, people('offer', 2));
    const queued = await form(ledger, id, 'account', 1);
    const gone = await take(ledger, id, 'account', 1);
    const times = { callTimeoutMs: 1_000, offerAgainMs: 60_000 };
    const offered = async () => (await batchesToOffer(ledger.db, times)).map(({ batchId }) => batchId);
    expect(await offered()).not.toContain(queued?.batchId);
    await ledger.pool.query("update batch set offered_at = now() - interval '2 minutes' where migration_id = $1", [id]);
    expect(await offered()).toContain(queued?.batchId);
    await ledger.pool.query(
      "update batch set offered_at = now() - interval '2 minutes', lease_until = now() - interval '1 minute' where id = $1",
      [gone.batchId],
    );
    expect(await offered()).toEqual([gone.batchId]);
  });

  test('open batches are counted for monitoring', async () => {
    const { ledger } = opened;
    await take(ledger, await running(ledger, people('figures', 1)), 'account');
    const { batches } = await readFigures(ledger.db);
    expect(batches).toContainEqual({ lane: 'directory', state: 'leased', count: expect.any(Number) });
  });
});
