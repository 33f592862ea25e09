import { calendarUnits } from './calendar.js';
import { gmailUnits } from './gmail.js';
import type { Call } from './request.js';
import type { Simulation } from './simulation.js';

/** Takes what the call costs from each quota that its API has, or refuses it. */
export function charge({ quotas, world }: Simulation, { method, query }: Call): void {
  const limits = world.profile.quotas;
  const { api } = method;
  // Under domain-wide delegation the service account is the user, unless quotaUser says otherwise.
  const user = (world.profile.quotaUserHonoured ? query.get('quotaUser') : null) ?? 'service account';
  const perMinute = (quota: string, key: string, amount: number, limit: number | null, perUser: boolean) =>
    quotas.perMinute({ quota, api, key, amount, limit, perUser });
  switch (api.name) {
    case 'directory':
      perMinute('directoryQueriesPerUser', user, 1, limits.directoryPerMinutePerUser, true);
      return;
    case 'licensing':
      perMinute('licensingQueries', '', 1, limits.licensingPerMinute, false);
      return;
    case 'gmail': {
      const units = gmailUnits[method.id] ?? 1;
      perMinute('gmailUnitsPerProject', '', units, limits.gmailUnitsPerMinutePerProject, false);
      perMinute('gmailUnitsPerUser', user, units, limits.gmailUnitsPerMinutePerUser, true);
      return;
    }
    case 'calendar': {
      const units = calendarUnits(method.id);
      perMinute('calendarQueriesPerProject', '', units, limits.calendarPerMinutePerProject, false);
      perMinute('calendarQueriesPerUser', user, units, limits.calendarPerMinutePerUser, true);
      return;
    }
    case 'groupsSettings':
    case 'invitations':
      return;
  }
}
