import type { z } from 'zod';
import { failures, isFailureReason } from '#libs/vocabulary';
import type { planShape } from '../shapes.js';
import { duration, number, table } from './table.js';

type Plan = z.infer<typeof planShape>;

function priceLines({ price, seatsNeeded }: NonNullable<Plan['summary']>): string[] {
  const calls = Object.entries(price.callsPerApi).map(([api, count]) => `${number(count)} ${api}`);
  if (calls.length === 0) return ['Price: nothing, no call to Google is needed'];
  const bound = price.bindingQuota === null ? '' : `, bound by the quota ${price.bindingQuota}`;
  return [
    `Price: ${calls.join(', ')} calls; ${number(seatsNeeded)} seats`,
    `Time: about ${duration(price.hours)} under Google’s quotas${bound}`,
  ];
}

/** A plan as an admin reads it before the decision: what, how much, how long, what stands in the way. */
export function planView(plan: Plan, id: string): string {
  const { summary } = plan;
  if (summary === null) return `The plan is ${plan.state}${plan.cause === null ? '' : `: ${plan.cause}`}`;
  const counts = Object.entries(summary.actions).filter(([, count]) => count > 0);
  const reasons = Object.entries(summary.reasons).filter(([, count]) => count > 0);
  const open = plan.needsAcceptance.filter((word) => !plan.acceptedUnknowns.includes(word));
  const lines = [
    `Plan for ${number(summary.total)} employees (${number(summary.accountsAtGoogle)} accounts at Google today)`,
    table(counts.map(([action, count]) => [`  ${action}`, number(count)])),
    `Made once before anybody: ${number(summary.shared.create.length)} org units, groups and calendars`,
    ...priceLines(summary),
  ];
  for (const warning of summary.warnings) lines.push(`Mind: ${warning}`);
  if (reasons.length > 0) {
    const rows = reasons.map(([why, count]) => [
      `  ${number(count)}`,
      why,
      isFailureReason(why) ? failures[why].whatToDo : '',
    ]);
    lines.push('Not without you:', table(rows));
  }
  if (open.length > 0) lines.push(`Google would not tell: ${open.join(', ')}; approve with --accept ${open.join(',')}`);
  lines.push(`next: bascule approve ${id}${open.length > 0 ? ` --accept ${open.join(',')}` : ''}`);
  return lines.join('\n');
}
