import { licenceSchema, type FailureReason, type Licence, type SharingRule } from '#libs/vocabulary';
import {
  organizationFields,
  type AddressSettings,
  type ProfileSettings,
  type Rule,
  type Settings,
} from './blueprint.js';
import { readSharingRule, type Declared } from './declared.js';
import type { BlueprintDocument } from './document.js';
import type { Path } from './problems.js';
import { RuleError } from './rule-error.js';
import type { Leaf, RuleReader } from './rule-reader.js';
import type { ScopeShape } from './templates.js';
import { isLanguageTag, isTimeZone } from './values.js';

const signatureMax = 10_000;

/** What `address.pattern` and its alternatives may use beside what every text may, but for the address that they make. */
const patternShape: ScopeShape = {
  given: 'text',
  family: 'text',
  firstGiven: 'text',
  middleInitial: 'text',
  givenInitial: 'text',
  familyInitial: 'text',
  employeeNumber: 'text',
  employee: 'employee',
  tables: 'tables',
  today: 'text',
};

const domainShape: ScopeShape = { employee: 'employee', tables: 'tables', today: 'text' };

const collisions = ['number', 'conflict'] as const;

const popWindows = ['disabled', 'fromNowOn', 'allMail'] as const;

/** Reads every setting of the document; problems go to the reader's collection. */
export class SettingsReader {
  private readonly required = { required: true };
  private readonly optional = { required: false };

  constructor(
    private readonly reader: RuleReader,
    private readonly document: BlueprintDocument,
    private readonly declared: Declared,
    private readonly domains: readonly string[],
  ) {}

  settings(): Settings {
    const { document, reader } = this;
    const suspendWhen =
      document.suspendWhen === undefined ? undefined : reader.condition(['suspendWhen'], document.suspendWhen);
    return {
      domain: this.domain(),
      address: this.address(),
      password: document.password,
      orgUnit: reader.rule(['orgUnit'], document.orgUnit, this.orgUnitLeaf(), this.required),
      ...(suspendWhen === undefined
        ? {}
        : { suspendWhen: { path: 'suspendWhen', when: suspendWhen, value: () => true as const } }),
      employment: {
        leadDays: document.joiners?.leadDays,
        graceDays: document.leavers?.graceDays ?? 0,
      },
      leavers: this.leavers(),
      licence: reader.rule(['licence'], document.licence, this.licenceLeaf(), this.required),
      groups: document.groups === undefined ? [] : reader.list(['groups'], document.groups, 'group', this.groupLeaf()),
      profile: this.profile(),
      gmail: this.gmail(),
      calendar: this.calendar(),
    };
  }

  private leavers(): Settings['leavers'] {
    const { orgUnit, licence = 'keep' } = this.document.leavers ?? {};
    if (orgUnit === undefined) return { licence };
    return { licence, orgUnit: this.reader.rule(['leavers', 'orgUnit'], orgUnit, this.orgUnitLeaf(), this.optional) };
  }

  private domain(): Rule<string> {
    const known = new Set(this.domains);
    const leaf = this.reader.template(
      'text',
      (text) => {
        const domain = text.trim().toLowerCase();
        if (!known.has(domain)) throw new RuleError('domain_not_verified', 'The domain is not listed under domains.');
        return domain;
      },
      { message: () => 'The domain is not listed under `domains`.', fix: 'Add it to `domains` or correct it.' },
      domainShape,
    );
    return this.reader.rule(['domain'], this.document.domain ?? this.domains[0], leaf, this.required);
  }

  private address(): AddressSettings {
    const address = this.document.address ?? {};
    const pattern = address.pattern ?? '{{ given }}.{{ family }}';
    const leaf = this.reader.template('text', (text) => text, undefined, patternShape);
    return {
      given: address.given ?? 'keep',
      pattern: this.reader.rule(['address', 'pattern'], pattern, leaf, this.required),
      alternatives: this.reader.list(['address', 'alternatives'], address.alternatives ?? [], 'pattern', leaf),
      collision: this.reader.rule(
        ['address', 'collision'],
        address.collision ?? 'number',
        this.collisionLeaf(),
        this.required,
      ),
      legacy: address.legacy ?? 'keep',
      reuseAfter: address.reuseAfter === undefined || address.reuseAfter === 'never' ? null : address.reuseAfter,
      reserved: new Set((address.reserved ?? []).map((word) => word.toLowerCase())),
      offensive: new Set((address.offensive ?? []).map((word) => word.toLowerCase())),
    };
  }

  private collisionLeaf(): Leaf<(typeof collisions)[number]> {
    return (path, raw) => {
      const collision = collisions.find((word) => word === raw);
      if (collision !== undefined) return () => collision;
      this.reader.problems.add(
        path,
        'Homonyms are numbered, or a conflict for a person to settle.',
        `Write one of: ${collisions.join(', ')}.`,
      );
      return undefined;
    };
  }

  private orgUnitLeaf(): Leaf<string> {
    const known = new Set(['/', ...this.declared.orgUnits.map(({ path }) => path.toLowerCase())]);
    return this.declaredLeaf('org unit', 'declare.orgUnits', (text) => known.has(text.toLowerCase()));
  }

  private groupLeaf(): Leaf<string> {
    const known = new Set(this.declared.groups.map(({ email }) => email));
    const leaf = this.declaredLeaf('group', 'declare.groups', (text) => known.has(text.toLowerCase()));
    return (path, raw) => {
      const value = leaf(path, raw);
      return value && ((scope) => value(scope).toLowerCase());
    };
  }

  /** A fixed name must be declared; one made by a template is judged for each record. */
  private declaredLeaf(noun: string, place: string, isDeclared: (text: string) => boolean): Leaf<string> {
    const anyText = this.reader.template('text', oneLine);
    return (path, raw) => {
      if (typeof raw === 'string' && !raw.includes('{{') && !raw.includes('{%') && !isDeclared(oneLine(raw))) {
        this.reader.problems.add(path, `The ${noun} ${raw} is not declared.`, `Add it under \`${place}\`.`);
        return undefined;
      }
      return anyText(path, raw);
    };
  }

  private licenceLeaf(): Leaf<Licence> {
    return (path, raw) => {
      const parsed = licenceSchema
        .strict()
        .safeParse(raw === 'none' ? { assignment: 'none', productId: '', skuId: '' } : raw);
      if (parsed.success) return () => parsed.data;
      const fix =
        'Write `none`, or `assignment` (automatic, assign, none), `productId` and `skuId`, ids as texts in quotes.';
      for (const issue of parsed.error.issues)
        this.reader.problems.add([...path, ...plain(issue.path)], `${issue.message}.`, fix);
      return undefined;
    };
  }

  private profile(): ProfileSettings {
    const profile = this.document.profile ?? {};
    const text = this.reader.template('text', oneLine);
    const rule = (path: Path, raw: unknown) => this.reader.rule(path, raw, text, this.optional);
    const organization: Partial<Record<(typeof organizationFields)[number], Rule<string>>> = {};
    const given = { ...defaultOrganization, ...profile.organization };
    for (const field of organizationFields) {
      if (given[field] !== undefined) organization[field] = rule(['profile', 'organization', field], given[field]);
    }
    const phones: Partial<Record<'work' | 'mobile', Rule<string>>> = {};
    const wanted = { work: '{{ employee.workPhone }}', ...profile.phones };
    for (const type of ['work', 'mobile'] as const) {
      const raw = 'mobile' in wanted || type === 'work' ? valueOf(wanted, type) : undefined;
      if (raw !== undefined) phones[type] = rule(['profile', 'phones', type], raw);
    }
    const language = profile.language ?? '{{ employee.workLanguage }}';
    return {
      organization,
      phones,
      language: this.reader.rule(['profile', 'language'], language, this.languageLeaf(true), this.optional),
      manager: profile.manager ?? true,
    };
  }

  private gmail(): Settings['gmail'] {
    const { reader, optional } = this;
    const gmail = this.document.gmail ?? {};
    const at = (key: string): Path => ['gmail', key];
    return {
      ...(gmail.language !== undefined && {
        language: reader.moded(at('language'), gmail.language, (path, raw) =>
          reader.rule(path, raw, this.languageLeaf(false), optional),
        ),
      }),
      ...(gmail.signature !== undefined && {
        signature: reader.moded(at('signature'), gmail.signature, (path, raw) =>
          reader.rule(path, raw, this.signatureLeaf(), optional),
        ),
      }),
      ...(gmail.imap !== undefined && {
        imap: reader.moded(at('imap'), gmail.imap, (path, raw) => reader.rule(path, raw, this.imapLeaf(), optional)),
      }),
      ...(gmail.pop !== undefined && {
        pop: reader.moded(at('pop'), gmail.pop, (path, raw) => reader.rule(path, raw, this.popLeaf(), optional)),
      }),
    };
  }

  private calendar(): Settings['calendar'] {
    const { reader, optional } = this;
    const calendar = this.document.calendar ?? {};
    const at = (key: string): Path => ['calendar', key];
    return {
      ...(calendar.timeZone !== undefined && {
        timeZone: reader.moded(at('timeZone'), calendar.timeZone, (path, raw) =>
          reader.rule(path, raw, this.timeZoneLeaf(), optional),
        ),
      }),
      ...(calendar.subscriptions !== undefined && {
        subscriptions: reader.moded(at('subscriptions'), calendar.subscriptions, (path, raw) =>
          reader.list(path, raw, 'calendar', this.calendarLeaf()),
        ),
      }),
      ...(calendar.sharing !== undefined && {
        sharing: reader.moded(at('sharing'), calendar.sharing, (path, raw) =>
          reader.list(path, raw, undefined, this.sharingLeaf()),
        ),
      }),
    };
  }

  private languageLeaf(maybeEmpty: boolean): Leaf<string> {
    return this.reader.template('text', (text) => {
      const tag = oneLine(text).replaceAll('_', '-');
      if (!(maybeEmpty && tag === '') && !isLanguageTag(tag))
        throw failed('This gives no language tag of BCP 47, such as fr or pt-BR.');
      return tag;
    });
  }

  private timeZoneLeaf(): Leaf<string> {
    return this.reader.template('text', (text) => {
      const zone = oneLine(text);
      if (!isTimeZone(zone)) throw failed('This gives no IANA time zone, such as Europe/Paris.');
      return zone;
    });
  }

  private signatureLeaf(): Leaf<string> {
    return this.reader.template('html', (html) => {
      const signature = html.trim();
      if (signature.length > signatureMax) {
        throw failed('The signature is longer than 10,000 characters.', 'signature_too_long');
      }
      return signature;
    });
  }

  private imapLeaf(): Leaf<{ enabled: boolean }> {
    return (path, raw) => {
      if (typeof raw === 'boolean') return () => ({ enabled: raw });
      this.reader.problems.add(path, 'IMAP is true (on) or false (off).', 'Write true or false.');
      return undefined;
    };
  }

  private popLeaf(): Leaf<{ accessWindow: (typeof popWindows)[number] }> {
    return (path, raw) => {
      const accessWindow = popWindows.find((window) => window === raw);
      if (accessWindow !== undefined) return () => ({ accessWindow });
      this.reader.problems.add(
        path,
        'POP is disabled, fromNowOn or allMail.',
        `Write one of: ${popWindows.join(', ')}.`,
      );
      return undefined;
    };
  }

  private calendarLeaf(): Leaf<string> {
    const known = new Set(this.declared.calendars.map(({ key }) => key));
    const leaf = this.declaredLeaf('calendar', 'declare.calendars', (text) => known.has(text));
    return (path, raw) => {
      const value = leaf(path, raw);
      return (
        value &&
        ((scope) => {
          const key = value(scope);
          if (!known.has(key)) throw failed('This gives a calendar that is not declared.');
          return key;
        })
      );
    };
  }

  private sharingLeaf(): Leaf<SharingRule> {
    return (path, raw) => {
      const rule = readSharingRule(path, raw, this.reader.problems);
      return rule && (() => rule);
    };
  }
}

const defaultOrganization = {
  name: '{{ employee.companyCode }}',
  title: '{{ employee.jobTitle }}',
  department: '{{ employee.department }}',
  costCenter: '{{ employee.costCentre }}',
  location: '{{ employee.locationCode }}',
  description: '{{ employee.workerType }}',
};

function failed(message: string, reason: FailureReason = 'template_failed'): RuleError {
  return new RuleError(reason, message);
}

function oneLine(text: string): string {
  return text.replace(/\s+/gu, ' ').trim();
}

function valueOf(fields: Readonly<Record<string, unknown>>, key: string): unknown {
  return fields[key];
}

function plain(path: readonly PropertyKey[]): Path {
  return path.map((part) => (typeof part === 'number' ? part : String(part)));
}
