/** Columns of text, each as wide as its widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export const number = (value: number): string => value.toLocaleString('en-US');

/** A stretch of time in words: minutes up to two hours, hours up to two days. */
export function duration(hours: number): string {
  const minutes = Math.ceil(hours * 60);
  if (minutes <= 1) return 'a minute at most';
  if (minutes < 120) return `${minutes} minutes`;
  if (hours < 48) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const whole = Math.round(hours);
  return `${Math.floor(whole / 24)} days ${whole % 24} h`;
}
