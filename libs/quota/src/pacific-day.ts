const pacific = new Intl.DateTimeFormat('en-CA', { timeZone: 'America/Los_Angeles' });

/** Google's daily quotas turn at midnight Pacific time. */
export function pacificDay(date: Date): string {
  return pacific.format(date);
}
