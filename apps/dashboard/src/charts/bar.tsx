interface Part {
  readonly name: string;
  readonly label: string;
  readonly count: number;
}

/** A stacked bar: its parts are drawn as SVG, so that no inline style is needed. */
export function Bar({ parts, label }: { readonly parts: readonly Part[]; readonly label: string }) {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  let x = 0;
  return (
    <svg className="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label={label}>
      <rect className="empty" x="0" y="0" width="1000" height="10" />
      {parts.map(({ name, count }) => {
        const width = total === 0 ? 0 : (count / total) * 1000;
        const start = x;
        x += width;
        return <rect key={name} className={`state-${name}`} x={start} y="0" width={width} height="10" />;
      })}
    </svg>
  );
}
