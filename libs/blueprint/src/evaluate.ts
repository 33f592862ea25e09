import type { CalendarSettings, DesiredAccount, EmployeeRecord, FailureReason, GmailSettings } from '#libs/vocabulary';
import { aliasesMax, formerAddresses } from './address-wish.js';
import type { Blueprint, Choice, Moded, Rule } from './blueprint.js';
import { organizationFields } from './blueprint.js';
import { isBarred, isYetToBegin } from './employment.js';
import { hasLeft } from './leaving.js';
import { RuleError } from './rule-error.js';
import { EmployeeView, type RuleScope } from './record-view.js';
import { shownName } from './shown-name.js';
import { TemplateError } from './templates.js';

export interface EvaluateInput {
  readonly record: EmployeeRecord;
  /** The primary address that planning chose. */
  readonly address: string;
  /** Absent: the record's present and legacy addresses on the blueprint's domains. */
  readonly aliases?: readonly string[];
  /** The primary address that planning chose for the manager, if there is one. */
  readonly managerAddress?: string | undefined;
  /** `YYYY-MM-DD`: the day for which the account is wanted. */
  readonly today: string;
  /** The day on which HR told that they are terminated; absent: long ago. */
  readonly terminatedOn?: string | undefined;
  /**
   * What Google has already: org units (paths) and groups (addresses), both lower case. An undeclared one that is
   * there may be used; without this, only declared ones.
   */
  readonly existing?: { readonly orgUnits?: ReadonlySet<string>; readonly groups?: ReadonlySet<string> };
}

export type Evaluation =
  | {
      readonly account: DesiredAccount;
      /** Field of the account → place of the rule that gave it. */
      readonly because: Readonly<Record<string, string>>;
    }
  | { readonly reason: FailureReason; readonly path: string; readonly detail: string };

/**
 * What the blueprint says that this employee's account must look like. Pure: the same record, address and day give the
 * same account. A rule that fails for the record gives a reason with the rule's place; details hold no value of the record.
 */
export function evaluate(blueprint: Blueprint, input: EvaluateInput): Evaluation {
  const evaluator = new Evaluator(blueprint, input);
  try {
    return { account: evaluator.account(), because: evaluator.because };
  } catch (error) {
    if (error instanceof RuleError) return { reason: error.reason, path: evaluator.path, detail: error.message };
    if (error instanceof TemplateError) {
      return { reason: 'template_failed', path: evaluator.path, detail: error.message };
    }
    throw error;
  }
}

/** A CEL condition may fail at run time, for instance on a table without that entry. */
function holds<T>(choice: Choice<T>, scope: RuleScope): boolean {
  if (choice.when === undefined) return true;
  try {
    return choice.when(scope);
  } catch (error) {
    throw new TemplateError('The condition fails for this record, for instance on a table without that entry.', {
      cause: error,
    });
  }
}

class Evaluator {
  readonly because: Record<string, string> = {};
  /** The rule at work, for the place of an error. */
  path = '';
  private readonly scope: RuleScope;

  constructor(
    private readonly blueprint: Blueprint,
    private readonly input: EvaluateInput,
  ) {
    const address = input.address.toLowerCase();
    this.scope = {
      employee: new EmployeeView(input.record),
      today: input.today,
      tables: blueprint.tables,
      address,
      localPart: address.slice(0, address.indexOf('@')),
      managerAddress: input.managerAddress?.toLowerCase() ?? '',
    };
  }

  account(): DesiredAccount {
    const { record } = this.input;
    const { settings } = this.blueprint;
    const aliases = this.input.aliases ?? formerAddresses(this.blueprint, record);
    const language = this.chosen('language', settings.profile.language);
    const leaving = this.leaving();
    return {
      primaryEmail: this.scope.address,
      name: shownName(record),
      orgUnitPath: this.orgUnit(leaving),
      suspended: this.suspended(),
      ...(leaving === undefined ? {} : { leaving }),
      employeeNumber: record.employeeNumber,
      organization: this.organization(),
      ...(settings.profile.manager && this.scope.managerAddress !== ''
        ? { managerEmail: this.scope.managerAddress }
        : {}),
      phones: this.phones(),
      ...(language === undefined || language === '' ? {} : { language }),
      aliases: [...new Set(aliases.map((alias) => alias.toLowerCase()))]
        .filter((alias) => alias !== this.scope.address)
        .slice(0, aliasesMax),
      groups: this.groups(),
      licence: this.required('licence', settings.licence),
      password: settings.password,
      gmail: this.gmail(),
      calendar: this.calendar(),
    };
  }

  private chosen<T>(field: string, rule: Rule<T> | undefined): T | undefined {
    for (const choice of rule?.choices ?? []) {
      this.path = choice.path;
      if (!holds(choice, this.scope)) continue;
      this.because[field] = choice.path;
      return choice.value(this.scope);
    }
    return undefined;
  }

  private required<T>(field: string, rule: Rule<T>): T {
    const value = this.chosen(field, rule);
    if (value === undefined) throw new RuleError('template_failed', 'No rule holds for this record.');
    return value;
  }

  private all<T>(field: string, choices: readonly Choice<T>[]): T[] {
    const values: T[] = [];
    const paths: string[] = [];
    for (const choice of choices) {
      this.path = choice.path;
      if (!holds(choice, this.scope)) continue;
      values.push(choice.value(this.scope));
      paths.push(choice.path);
    }
    if (paths.length > 0) this.because[field] = paths.join(', ');
    return values;
  }

  /** What else happens to the account of someone who has left, once it is barred. */
  private leaving(): DesiredAccount['leaving'] {
    const { record, today, terminatedOn } = this.input;
    const { employment, leavers } = this.blueprint.settings;
    if (!isBarred(record, today, terminatedOn, employment)) return undefined;
    const orgUnit = this.chosen('leaving.orgUnit', leavers.orgUnit);
    if (orgUnit === undefined && leavers.licence === 'keep') return undefined;
    return { archive: leavers.licence === 'archive', ...(orgUnit !== undefined && { orgUnit }) };
  }

  private orgUnit(leaving: DesiredAccount['leaving']): string {
    const path = leaving?.orgUnit ?? this.required('orgUnitPath', this.blueprint.settings.orgUnit);
    const wanted = path.toLowerCase();
    if (wanted === '/' || this.input.existing?.orgUnits?.has(wanted) === true) return path;
    const declared = this.blueprint.declaredOrgUnits.get(wanted);
    if (declared === undefined) throw new RuleError('org_unit_undeclared', 'The org unit is not declared.');
    return declared.path;
  }

  private suspended(): boolean {
    const { record, today, terminatedOn } = this.input;
    const { employment, suspendWhen } = this.blueprint.settings;
    if (hasLeft(record, today)) return isBarred(record, today, terminatedOn, employment);
    if (isYetToBegin(record, today)) return true;
    if (suspendWhen === undefined) return false;
    this.path = suspendWhen.path;
    const suspended = holds(suspendWhen, this.scope);
    if (suspended) this.because['suspended'] = suspendWhen.path;
    return suspended;
  }

  private organization(): DesiredAccount['organization'] {
    const organization: DesiredAccount['organization'] = {};
    for (const field of organizationFields) {
      const text = this.chosen(`organization.${field}`, this.blueprint.settings.profile.organization[field]);
      if (text !== undefined && text !== '') organization[field] = text;
    }
    return organization;
  }

  private phones(): DesiredAccount['phones'] {
    const { phones } = this.blueprint.settings.profile;
    return (['work', 'mobile'] as const).flatMap((type) => {
      const value = this.chosen(`phones.${type}`, phones[type]);
      return value === undefined || value === '' ? [] : [{ type, value }];
    });
  }

  private groups(): string[] {
    const groups = this.all('groups', this.blueprint.settings.groups);
    for (const group of groups) {
      if (!this.blueprint.declaredGroups.has(group) && this.input.existing?.groups?.has(group) !== true) {
        throw new RuleError('group_undeclared', 'A group is not declared.');
      }
    }
    return [...new Set(groups)];
  }

  private moded<T>(field: string, setting: Moded<Rule<T>> | undefined) {
    if (setting === undefined) return undefined;
    const value = this.chosen(field, setting.rule);
    return value === undefined ? undefined : { mode: setting.mode, value };
  }

  private gmail(): GmailSettings {
    const { gmail } = this.blueprint.settings;
    return withoutUndefined({
      language: this.moded('gmail.language', gmail.language),
      signature: this.moded('gmail.signature', gmail.signature),
      imap: this.moded('gmail.imap', gmail.imap),
      pop: this.moded('gmail.pop', gmail.pop),
    });
  }

  private calendar(): CalendarSettings {
    const { timeZone, subscriptions, sharing } = this.blueprint.settings.calendar;
    return withoutUndefined({
      timeZone: this.moded('calendar.timeZone', timeZone),
      subscriptions: subscriptions && {
        mode: subscriptions.mode,
        value: [...new Set(this.all('calendar.subscriptions', subscriptions.rule))],
      },
      sharing: sharing && { mode: sharing.mode, value: this.all('calendar.sharing', sharing.rule) },
    });
  }
}

/** Absent settings are absent, not undefined: the account is kept as JSON and compared as such. */
function withoutUndefined<T extends object>(settings: T): T {
  for (const key in settings) if (settings[key] === undefined) delete settings[key];
  return settings;
}
