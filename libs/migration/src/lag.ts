/**
 * Google's reads may be this old: our own writes younger than this are believed over what a read shows. In Google's time
 * (divided by the time scale). New users' reads were seen stale and even backwards for a minute or more.
 */
export const lagWindowMs = 120_000;
