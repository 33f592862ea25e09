import { listRounds, standingSettingsSchema, switchStandingOn, type RoundRow } from '#libs/ledger';
import type { MigrationId } from '#libs/vocabulary';
import type { TestCompany } from './company.js';

type Guard = Readonly<Record<string, { people: number; share: number }>>;

/** Completes a migration of whoever is known by then, and makes it stand. */
export async function standing(
  company: TestCompany,
  blueprint: string,
  day: string,
  guard: Guard = {},
): Promise<MigrationId> {
  const id = await company.create({ blueprint });
  await company.plan(id, day);
  await company.start(id);
  company.work();
  await company.until(id, 'completed', 'completedWithIssues');
  const settings = standingSettingsSchema.parse({ guard });
  await switchStandingOn(company.ledger.db, { migrationId: id, settings, actor: 'Ada' });
  return id;
}

/** Lets the next tick look for work, however short ago the last look was. */
export async function lookSoon({ ledger }: TestCompany): Promise<void> {
  await ledger.pool.query("update standing set checked_at = '-infinity'");
}

/**
 * Looks on that day, at noon in London, and waits until every round that came of it is through, or held; newest first.
 */
export async function lookOn(company: TestCompany, id: MigrationId, day: string): Promise<RoundRow[]> {
  await lookSoon(company);
  const process = company.standingAt(() => new Date(`${day}T12:00:00Z`));
  return company.eventually(async () => {
    await process.tick();
    const rounds = await listRounds(company.ledger.db, id, { limit: 100 });
    const isOver = ({ state, heldBecause }: RoundRow) =>
      state.startsWith('completed') || (state === 'planned' && heldBecause !== null);
    return rounds.every(isOver) ? rounds : undefined;
  });
}
