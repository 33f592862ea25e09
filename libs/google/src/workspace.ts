import { Calendar } from './calendar.js';
import { Caller, type CallerOptions } from './caller.js';
import { Directory } from './directory.js';
import { Gmail } from './gmail.js';
import { GroupsSettings } from './groups-settings.js';
import { Invitations } from './invitations.js';
import { Licensing } from './licensing.js';

/** One Workspace customer, as far as Bascule speaks with it. */
export interface Workspace {
  readonly directory: Directory;
  readonly licensing: Licensing;
  readonly gmail: Gmail;
  readonly calendar: Calendar;
  readonly groupsSettings: GroupsSettings;
  readonly invitations: Invitations;
  /** An account known to have Gmail and Calendar, found at run time. */
  setCanary(address: string): void;
  readonly caller: Caller;
  close(): Promise<void>;
}

/** Opens the way to Google, or to another server that speaks its API: only root and credentials differ. */
export function openWorkspace(options: CallerOptions & { customer: string }): Workspace {
  const caller: Caller = new Caller(options, {
    gmail: (address, employeeScopes) => gmail.getLanguage({ employeeScopes }, address),
    calendar: (address, employeeScopes) => calendar.probe({ employeeScopes }, address),
  });
  const gmail = new Gmail(caller);
  const calendar = new Calendar(caller);
  const directory = new Directory(caller, options.customer);
  let customerId: Promise<string> | undefined;
  const knownCustomerId = () => {
    customerId ??= directory.getCustomer({}).then(
      ({ id }) => id,
      (error: unknown) => {
        customerId = undefined;
        throw error;
      },
    );
    return customerId;
  };
  return {
    directory,
    licensing: new Licensing(caller, knownCustomerId),
    gmail,
    calendar,
    groupsSettings: new GroupsSettings(caller),
    invitations: new Invitations(caller, knownCustomerId),
    setCanary: (address) => caller.canary.set(address),
    caller,
    close: () => caller.close(),
  };
}
