export const number = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: 0 });

const dayMs = 86_400_000;

/** The time of day; with the day when it is not today. */
export function time(iso: string): string {
  const at = new Date(iso);
  const clock = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  const isNear = at.toDateString() === new Date().toDateString();
  if (isNear) return clock;
  const near = Math.abs(at.getTime() - Date.now()) < 6 * dayMs;
  const day = at.toLocaleDateString('en-GB', near ? { weekday: 'short' } : { day: 'numeric', month: 'short' });
  return `${day} ${clock}`;
}

/** Such as “4 h 12 min”: the two largest units that say something. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} days`;
}

/** Reasons and quotas are words of the interface; a person reads them with spaces. */
export function words(name: string): string {
  const spaced = name
    .replaceAll('_', ' ')
    .replaceAll(/([a-z])([A-Z])/g, (_all, before, after) => `${before} ${String(after).toLowerCase()}`);
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

export const share = (part: number, whole: number) => (whole === 0 ? 0 : Math.floor((100 * part) / whole));
