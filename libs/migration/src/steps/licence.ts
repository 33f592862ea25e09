import { GoogleCallError } from '#libs/google';
import { lookAgainMs } from '../outcome-changes.js';
import type { Step, StepResult } from '../step.js';

/**
 * Under automatic licensing Google assigns and we only look; else we assign, and switch a licence that we gave before. The
 * API's licence quota is one call a second, so looking is done by listing when many wait.
 */
export const licence: Step = async ({ item, workspace, call, recordPrior }) => {
  const { assignment, productId, skuId } = item.desired.licence;
  const address = item.desired.primaryEmail;
  if (assignment === 'none') return { kind: 'skipped', reason: 'not_needed' };
  if (assignment === 'automatic') {
    const held = await workspace.licensing.get(call, { productId, skuId }, address);
    if (held) return { kind: 'done' };
    // Google passed it over (the pool was empty when it was made): that is ours to correct.
    if (!item.overdue) return notYet();
  }
  const { heldLicence: held } = item;
  const switches = held !== null && held.productId === productId && held.skuId !== skuId;
  try {
    if (switches) {
      await recordPrior({ licence: { productId: held.productId, skuId: held.skuId } });
      await workspace.licensing.update(call, held, skuId, address);
    } else await workspace.licensing.insert(call, { productId, skuId }, address);
    return { kind: 'done' };
  } catch (error) {
    // A repeat after a lost reply: the old licence is gone (404), or the wanted one is there already (412).
    const maybeDone = error instanceof GoogleCallError && (error.status === 412 || (switches && error.status === 404));
    if (!maybeDone) throw error;
    if (await workspace.licensing.get(call, { productId, skuId }, address)) return { kind: 'done' };
    throw error;
  }
};

const notYet = (): StepResult => ({
  kind: 'waiting',
  reason: 'licence_not_visible',
  lookAgainMs: lookAgainMs('licence_not_visible'),
});
