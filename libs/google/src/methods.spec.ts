import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseQuotas } from '#libs/quota';
import { methods } from './methods.js';

const quotas = parseQuotas(readFileSync(new URL('../../../config/quotas.yaml', import.meta.url), 'utf8'));

describe('the calls that Bascule makes', () => {
  it('are priced in config/quotas.yaml, each and no other', () => {
    expect(Object.keys(quotas.methods).toSorted()).toEqual(Object.keys(methods).toSorted());
  });

  it('each spend at least one quota', () => {
    expect(Object.entries(quotas.methods).filter(([, costs]) => Object.keys(costs).length === 0)).toEqual([]);
  });
});
