import type { z } from 'zod';
import { failures, isFailureReason } from '#libs/vocabulary';
import type { planShape } from '../shapes.js';
import { number, table } from './table.js';

type Plan = z.infer<typeof planShape>;

/** A plan as an admin reads it before the decision: what, how much, how long, what stands in the way. */
export function planView(plan: Plan, id: string): string {
  const { summary } = plan;
  if (summary === null) return `The plan is ${plan.state}${plan.cause === null ? '' : `: ${plan.cause}`}`;
  const { price } = summary;
  const counts = Object.entries(summary.actions).filter(([, count]) => count > 0);
  const reasons = Object.entries(summary.reasons).filter(([, count]) => count > 0);
  const open = plan.needsAcceptance.filter((word) => !plan.acceptedUnknowns.includes(word));
  const lines = [
    `Plan for ${number(summary.total)} employees (${number(summary.accountsAtGoogle)} accounts at Google today)`,
    table(counts.map(([action, count]) => [`  ${action}`, number(count)])),
    `Made once before anybody: ${number(summary.shared.create.length)} org units, groups and calendars`,
    `Price: ${Object.entries(price.callsPerApi)
      .map(([api, calls]) => `${number(calls)} ${api}`)
      .join(', ')} calls; ${number(summary.seatsNeeded)} seats`,
    `Time: about ${price.hours} h, bound by ${price.bindingQuota ?? 'nothing'}`,
  ];
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
