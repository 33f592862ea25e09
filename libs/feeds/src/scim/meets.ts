import type { ScimCondition, ScimValue } from '#libs/ledger';
import { isScimList, valueAt } from './canonical.js';

/** Whether a value in its search form meets a condition; the meaning that the ledger's SQL has too. Knows no columns. */
export function meets(condition: ScimCondition, value: ScimValue): boolean {
  switch (condition.kind) {
    case 'and':
      return condition.parts.every((part) => meets(part, value));
    case 'or':
      return condition.parts.some((part) => meets(part, value));
    case 'not':
      return !meets(condition.part, value);
    case 'some': {
      const list = valueAt(value, condition.path);
      const { part } = condition;
      return isScimList(list) && (part === undefined || list.some((one) => meets(part, one)));
    }
    case 'present': {
      const found = condition.operand.column === undefined ? valueAt(value, condition.operand.path) : undefined;
      return found !== undefined && found !== '';
    }
    case 'compare': {
      const found = condition.operand.column === undefined ? valueAt(value, condition.operand.path) : undefined;
      return found !== undefined && compares(found, condition);
    }
  }
}

function compares(found: ScimValue, { operator, value }: Extract<ScimCondition, { kind: 'compare' }>): boolean {
  if (operator === 'eq') return found === value;
  if (typeof found !== 'string' || typeof value !== 'string') return false;
  switch (operator) {
    case 'co':
      return found.includes(value);
    case 'sw':
      return found.startsWith(value);
    case 'ew':
      return found.endsWith(value);
    default:
      return isOrdered(Buffer.compare(Buffer.from(found), Buffer.from(value)), operator);
  }
}

function isOrdered(difference: number, operator: string): boolean {
  switch (operator) {
    case 'gt':
      return difference > 0;
    case 'ge':
      return difference >= 0;
    case 'lt':
      return difference < 0;
    default:
      return difference <= 0;
  }
}
