interface Part {
  readonly name: string;
  readonly count: number;
}

type Props = {
  readonly parts: readonly Part[];
  /** What the bar says, for those who do not see it; left out where the words stand beside it. */
  readonly label?: string;
  readonly slim?: boolean;
};

/** Finished to the left, what is to come to the right. */
const order = ['done', 'used', 'running', 'inProgress', 'waiting', 'failed', 'conflict', 'pending', 'skipped', 'rest'];

/** A stacked bar: its parts are drawn as SVG, so that no inline style is needed. */
export function Bar({ parts, label, slim = false }: Props) {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  const sorted = parts.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  let x = 0;
  const spoken = label === undefined ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label };
  return (
    <svg className={slim ? 'bar slim' : 'bar'} viewBox="0 0 1000 10" preserveAspectRatio="none" {...spoken}>
      <rect className="state-rest" x="0" y="0" width="1000" height="10" />
      {sorted.map(({ name, count }) => {
        const width = total === 0 ? 0 : (count / total) * 1000;
        const start = x;
        x += width;
        return <rect key={name} className={`state-${name}`} x={start} y="0" width={width} height="10" />;
      })}
    </svg>
  );
}
