import { useEffect, useRef, useSyncExternalStore } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

interface Props {
  /** What the curve shows, for those who do not see it. */
  readonly label: string;
  /** Seconds since 1970, ascending. */
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
  readonly colour: '--accent' | '--good';
  /** A line that the values must not cross. */
  readonly limit?: number;
  readonly unit?: string;
}

const height = 150;
const dark = matchMedia('(prefers-color-scheme: dark)');
const followScheme = (changed: () => void) => {
  dark.addEventListener('change', changed);
  return () => dark.removeEventListener('change', changed);
};

/** One figure over time, from zero; its own scale, so that no two figures share an axis. */
export function Curve({ label, times, values, colour, limit, unit = '' }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const isDark = useSyncExternalStore(followScheme, () => dark.matches);
  const newest = useRef<UPlot.AlignedData>([[], []]);
  newest.current = [[...times], [...values], ...(limit === undefined ? [] : [times.map(() => limit)])];
  const chart = useRef<UPlot>(undefined);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const made = new UPlot(optionsOf(element, { colour, limit, unit }), newest.current, element);
    chart.current = made;
    const resize = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
    };
  }, [colour, limit, unit, isDark]);
  useEffect(() => chart.current?.setData(newest.current), [times, values]);
  return <div ref={place} className="curve" role="img" aria-label={label} />;
}

function optionsOf(
  element: HTMLElement,
  { colour, limit, unit }: Pick<Props, 'colour' | 'limit' | 'unit'>,
): UPlot.Options {
  const style = getComputedStyle(element);
  const value = (name: string) => style.getPropertyValue(name).trim();
  const font = `12px ${style.fontFamily}`;
  const axis = { stroke: value('--muted'), font, grid: { stroke: value('--line'), width: 1 }, ticks: { show: false } };
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { show: false },
    axes: [
      { ...axis, grid: { show: false }, space: 70, values: (_self, ticks) => ticks.map(clock) },
      {
        ...axis,
        size: 48,
        space: 34,
        values: (_self, ticks) => ticks.map((tick) => `${tick.toLocaleString('en-US')}${unit}`),
      },
    ],
    scales: { y: { range: (_self, _min, max) => [0, Math.max(max, limit ?? 1) * 1.08] } },
    series: [
      {},
      { stroke: value(colour), fill: value(`${colour}-soft`), width: 2, spanGaps: true, points: { show: false } },
      ...(limit === undefined ? [] : [{ stroke: value('--bad'), dash: [5, 5], width: 1.5, points: { show: false } }]),
    ],
  };
}

const clock = (seconds: number) =>
  new Date(seconds * 1_000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
