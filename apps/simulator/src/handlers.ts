import { calendarHandlers } from './calendar.js';
import { customerHandlers } from './directory/customer.js';
import { groupsHandlers } from './directory/groups.js';
import { usersHandlers } from './directory/users.js';
import { Faults } from './faults.js';
import { gmailHandlers } from './gmail.js';
import { groupsSettingsHandlers } from './groups-settings.js';
import { invitationsHandlers } from './invitations.js';
import { licensingHandlers } from './licensing.js';
import { Listings } from './listings.js';
import { Policy } from './policy.js';
import type { Profile } from './profile.js';
import { Quotas } from './quotas.js';
import type { Handler } from './request.js';
import type { Simulation } from './simulation.js';
import { World } from './world.js';

/** One simulated Google with nobody in it but its admins, and what answers each method, by Google's id. */
export function openSimulation(
  profile: Profile,
  { timeScale, seed }: { timeScale: number; seed: number },
): { simulation: Simulation; handlers: ReadonlyMap<string, Handler> } {
  const world = new World(profile, timeScale, seed);
  const simulation: Simulation = {
    world,
    policy: new Policy(profile),
    quotas: new Quotas(timeScale, profile.quotas.strict),
    listings: new Listings(world),
    faults: new Faults(profile, seed),
  };
  const handlers = new Map(
    Object.entries({
      ...usersHandlers(simulation),
      ...groupsHandlers(simulation),
      ...customerHandlers(simulation),
      ...licensingHandlers(simulation),
      ...gmailHandlers(simulation),
      ...calendarHandlers(simulation),
      ...groupsSettingsHandlers(simulation),
      ...invitationsHandlers(simulation),
    }),
  );
  return { simulation, handlers };
}
