import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { RatePoint } from '../api.js';
import { texts } from '../texts.js';

/** Differences of neighbouring points, a minute's worth. */
function perMinute(points: readonly RatePoint[], figure: 'finished' | 'calls'): (number | null)[] {
  return points.map((point, index) => {
    const before = points[index - 1];
    if (before === undefined) return null;
    const minutes = (Date.parse(point.at) - Date.parse(before.at)) / 60_000;
    return minutes <= 0 ? null : Math.max(0, (point[figure] - before[figure]) / minutes);
  });
}

/** Pace over time against the line that the busiest quota draws. */
export function PaceChart({ points, limit }: { readonly points: readonly RatePoint[]; readonly limit: number | null }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const style = getComputedStyle(element);
    const ink = style.getPropertyValue('--muted');
    const calls = perMinute(points, 'calls');
    const chart = new UPlot(
      {
        width: element.clientWidth,
        height: 220,
        axes: [
          { stroke: ink, grid: { stroke: style.getPropertyValue('--line') } },
          { stroke: ink, grid: { stroke: style.getPropertyValue('--line') }, size: 60, scale: 'calls' },
          { stroke: ink, side: 1, grid: { show: false }, size: 50, scale: 'people' },
        ],
        scales: {
          calls: { range: (_self, _min, max) => [0, Math.max(1, max * 1.1)] },
          people: { range: (_self, _min, max) => [0, Math.max(1, max * 1.2)] },
        },
        series: [
          {},
          {
            label: texts.paceCalls,
            scale: 'calls',
            stroke: style.getPropertyValue('--accent'),
            width: 2,
            spanGaps: true,
          },
          { label: texts.quotaLine, scale: 'calls', stroke: style.getPropertyValue('--bad'), dash: [6, 4], width: 1 },
          {
            label: texts.paceEmployees,
            scale: 'people',
            stroke: style.getPropertyValue('--good'),
            width: 2,
            spanGaps: true,
          },
        ],
      },
      [points.map(({ at }) => Date.parse(at) / 1000), calls, points.map(() => limit), perMinute(points, 'finished')],
      element,
    );
    const resize = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: 220 }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      chart.destroy();
    };
  }, [points, limit]);
  return <div ref={place} className="chart" />;
}
