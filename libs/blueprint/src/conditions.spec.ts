import { describe, expect, it } from 'vitest';
import { ConditionCompiler, selectsEmployee } from './conditions.js';

const compiler = new ConditionCompiler({ towns: { PAR: 'Paris' } });
const faultOf = (expression: string) => {
  const compiled = compiler.compile(expression);
  return 'fault' in compiled ? `${compiled.fault.message} ${compiled.fault.fix}` : undefined;
};
const numbers = (length: number) => `[${Array.from({ length }, (_, index) => index).join(', ')}]`;

const record = {
  employeeNumber: '007',
  status: 'active' as const,
  workerType: 'employee' as const,
  legalName: { givenName: 'Zoë', familyName: 'Müller' },
  hireDate: '2020-02-29',
  country: 'DE',
  legacyEmails: [],
};

describe('a condition', () => {
  it('may go through one list, for each employee', () => {
    expect(faultOf('["FR", "DE"].exists(c, c == employee.country)')).toBeUndefined();
    expect(selectsEmployee('["FR", "DE"].exists(c, c == employee.country)')(record, '2026-11-25')).toBe(true);
    expect(selectsEmployee('["FR", "ES"].exists(c, c == employee.country)')(record, '2026-11-25')).toBe(false);
  });

  it('may not go through a list within a list, for that would take the product of both for every employee', () => {
    for (const loop of ['all', 'exists', 'exists_one', 'filter', 'map']) {
      const inner = loop === 'filter' || loop === 'map' ? `[2].${loop}(b, true).size() > 0` : `[2].${loop}(b, b == a)`;
      expect(faultOf(`[1].all(a, ${inner})`)).toMatch(/loop within a loop/);
    }
    expect(faultOf('[1].map(a, a).map(b, b).size() == 1')).toMatch(/loop within a loop/);
    expect(faultOf('[1].all(a, a == 1) && [2].all(b, b == 2)')).toBeUndefined();
  });

  it('has bounds for its length, its depth and its lists', () => {
    expect(faultOf(`employee.country in ${numbers(1_001).replaceAll(/\d+/g, '"FR"')}`)).toMatch(
      /^The condition is wrong/,
    );
    expect(faultOf(`${'('.repeat(60)}true${')'.repeat(60)}`)).toMatch(/^The condition is wrong/);
    expect(faultOf(Array.from({ length: 1_500 }, () => 'true').join(' && '))).toMatch(/^The condition is wrong/);
  });

  it('may hold no regular expression and name no unknown table', () => {
    expect(faultOf('employee.country.matches("(a+)+$")')).toMatch(/Regular expressions/);
    expect(faultOf('tables.cities["PAR"] == "Paris"')).toMatch(/no table cities.*towns/);
  });

  it('gives true or false, never something that is taken for it', () => {
    expect(faultOf('employee.country')).toMatch(/not true or false/);
    expect(faultOf('1')).toMatch(/not true or false/);
    expect(faultOf(' ')).toMatch(/empty/);
  });
});
