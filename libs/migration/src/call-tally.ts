import type { PlannedEmployee } from '#libs/vocabulary';

/** Page sizes of the listings that confirm. Sources: Directory users.list and members.list, Licensing limits. */
const usersPage = 500;
const membersPage = 200;
const licencesPage = 100;
/** How often the whole listing is read in the course of a run, as measured: readiness spreads over several looks. */
const sweeps = 4;

/** Counts the Google calls that planned employees will cost, by method: the plan's price. */
export class CallTally {
  private readonly calls = new Map<string, number>();
  private readonly creates = new Map<string, number>();
  private licences = 0;
  private memberships = 0;
  private employees = 0;

  add(planned: PlannedEmployee): void {
    const { desired, steps } = planned;
    if (desired === undefined || steps.length === 0) return;
    this.employees += 1;
    if (planned.action === 'create') {
      const domain = desired.primaryEmail.split('@')[1] ?? '';
      this.creates.set(domain, (this.creates.get(domain) ?? 0) + 1);
      this.count('directory.users.insert', 1);
    } else if (steps.includes('account')) {
      this.count('directory.users.get', 1);
      this.count('directory.users.update', 1);
    }
    if (steps.includes('aliases')) this.count('directory.aliases.insert', desired.aliases.length);
    if (steps.includes('groups')) this.memberships += desired.groups.length;
    if (steps.includes('groups')) this.count('directory.members.insert', desired.groups.length);
    if (steps.includes('licence')) {
      this.licences += 1;
      if (desired.licence.assignment === 'assign') this.count('licensing.licenseAssignments.insert', 1);
    }
    if (steps.includes('gmail') || steps.includes('calendar')) this.count('token.mint', 1);
    if (steps.includes('gmail')) this.addGmail(desired);
    if (steps.includes('calendar')) this.addCalendar(desired);
  }

  private addGmail({ gmail }: NonNullable<PlannedEmployee['desired']>): void {
    if (gmail.language) this.count('gmail.settings.updateLanguage', 1);
    if (gmail.imap) this.count('gmail.settings.updateImap', 1);
    if (gmail.pop) this.count('gmail.settings.updatePop', 1);
    if (gmail.signature) this.count('gmail.settings.sendAs.patch', 1);
    this.count('gmail.settings.sendAs.get', 1);
  }

  private addCalendar({ calendar }: NonNullable<PlannedEmployee['desired']>): void {
    if (calendar.timeZone) {
      this.count('calendar.calendars.update', 1);
      this.count('calendar.calendars.get', 1);
    }
    this.count('calendar.calendarList.insert', calendar.subscriptions?.value.length ?? 0);
    this.count('calendar.acl.insert', calendar.sharing?.value.length ?? 0);
    this.count('calendar.acl.list', calendar.sharing ? 1 : 0);
  }

  private count(method: string, by: number): void {
    if (by > 0) this.calls.set(method, (this.calls.get(method) ?? 0) + by);
  }

  /** Calls by method, the listings that confirm included. */
  total(accounts: number, groups: number): ReadonlyMap<string, number> {
    const total = new Map(this.calls);
    const add = (method: string, by: number) => total.set(method, (total.get(method) ?? 0) + Math.ceil(by));
    if (this.employees > 0) add('directory.users.list', (sweeps * accounts) / usersPage);
    if (this.memberships > 0) add('directory.members.list', sweeps * (this.memberships / membersPage + groups));
    if (this.licences > 0)
      add('licensing.licenseAssignments.listForProductAndSku', (sweeps * this.licences) / licencesPage);
    return total;
  }

  createsPerDomain(): ReadonlyMap<string, number> {
    return this.creates;
  }
}
