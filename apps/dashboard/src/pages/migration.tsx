import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import type { ProgressDocument } from '#libs/vocabulary';
import { followProgress, readRates, type Caller, type MigrationLine, type RatePoint } from '../api.js';
import { Curve } from '../charts/curve.js';
import { duration, number, time, words } from '../format.js';
import { Announcer } from '../parts/announcer.js';
import { Head } from '../parts/head.js';
import { Failures, People, Quotas, Steps, Waits, Waves } from '../parts/sections.js';
import { texts } from '../texts.js';

type Props = { readonly id: string; readonly caller: Caller; readonly onSignedOut: () => void };

const ratesMs = 5_000;

export function Migration({ id, caller, onSignedOut }: Props) {
  const [progress, setProgress] = useState<ProgressDocument>();
  const [isLive, setIsLive] = useState(true);
  const queries = useQueryClient();
  useEffect(
    () => followProgress(id, { progress: setProgress, live: setIsLive, signedOut: onSignedOut }),
    [id, onSignedOut],
  );
  const state = progress?.migration.state;
  useEffect(() => {
    if (progress === undefined) return;
    const { migration, percent, employees } = progress;
    queries.setQueryData<MigrationLine[]>(['migrations'], (lines) =>
      lines?.map((line) => (line.id === id ? { ...line, state: migration.state, percent, employees } : line)),
    );
  }, [queries, id, progress]);
  const isRunning = state === 'running';
  const rates = useQuery({
    queryKey: ['rates', id, state],
    queryFn: () => readRates(id),
    refetchInterval: isRunning ? ratesMs : false,
  });
  useEffect(() => {
    if (progress === undefined) return undefined;
    document.title = `${progress.percent} % · ${progress.migration.name} · ${texts.title}`;
    return () => void (document.title = texts.title);
  }, [progress]);
  if (progress === undefined)
    return (
      <p className="muted" role="status">
        …
      </p>
    );
  const next = nextOf(progress);
  return (
    <article aria-label={progress.migration.name}>
      <Announcer progress={progress} isLive={isLive} />
      <Head progress={progress} isLive={isLive} caller={caller} />
      {next !== undefined && (
        <section className="card next">
          <p>{next.text}</p>
          <code>{next.command}</code>
        </section>
      )}
      {progress.employees.total > 0 && <Figures progress={progress} rates={rates.data ?? []} />}
      <footer className="muted small">
        {texts.asOf} {time(progress.asOf)} · <a href="/docs">{texts.docs}</a>
      </footer>
    </article>
  );
}

function Figures({ progress, rates }: { readonly progress: ProgressDocument; readonly rates: readonly RatePoint[] }) {
  return (
    <>
      <People progress={progress} />
      <Failures progress={progress} />
      <div className="two">
        <Steps progress={progress} />
        <Pace points={rates} />
      </div>
      <div className="two">
        <Quotas progress={progress} />
        <Waits progress={progress} />
      </div>
      <Waves progress={progress} />
    </>
  );
}

function nextOf({ migration: { id, state } }: ProgressDocument): { text: string; command: string } | undefined {
  switch (state) {
    case 'draft':
      return { text: texts.next.draft, command: `bascule plan ${id}` };
    case 'planned':
      return { text: texts.next.planned, command: `bascule approve ${id}` };
    case 'approved':
      return { text: texts.next.approved, command: `bascule start ${id}` };
    default:
      return undefined;
  }
}

function Pace({ points }: { readonly points: readonly RatePoint[] }) {
  const { times, people, shares } = useMemo(() => curves(points), [points]);
  const newest = points.at(-1);
  const span = times.length > 1 ? duration(((times.at(-1) ?? 0) - (times[0] ?? 0)) * 1_000) : '';
  return (
    <section className="card" aria-labelledby="pace">
      <h3 id="pace">
        {texts.pace} <span className="muted small">{span}</span>
      </h3>
      {times.length < 2 ? (
        <p className="muted">{texts.paceEmpty}</p>
      ) : (
        <>
          <p className="caption">
            {texts.pacePeople} <strong>{number(people.at(-1) ?? 0)}</strong>
          </p>
          <Curve
            label={`${texts.pacePeople}: ${number(people.at(-1) ?? 0)}`}
            times={times}
            values={people}
            colour="--accent"
          />
          <p className="caption">
            {texts.paceQuota} <strong>{Math.round(shares.at(-1) ?? 0)} %</strong>
            {newest?.busiestQuota !== null && newest !== undefined && (
              <span className="muted"> {words(newest.busiestQuota)}</span>
            )}
            <span className="limit-key">{texts.limit}</span>
          </p>
          <Curve
            label={`${texts.paceQuota}: ${Math.round(shares.at(-1) ?? 0)} %`}
            times={times}
            values={shares}
            colour="--good"
            limit={100}
            unit=" %"
          />
        </>
      )}
    </section>
  );
}

/** How many points a mean goes over: single samples of a few seconds jump. */
const meanOver = 3;

/** Differences of points, a minute's worth; and shares in percent. */
function curves(points: readonly RatePoint[]) {
  const later = points.slice(1);
  const people = later.map((point, index) => {
    const before = points[Math.max(0, index + 1 - meanOver)] ?? point;
    const minutes = (Date.parse(point.at) - Date.parse(before.at)) / 60_000;
    return minutes <= 0 ? null : Math.max(0, (point.finished - before.finished) / minutes);
  });
  return {
    times: later.map(({ at }) => Date.parse(at) / 1_000),
    people,
    shares: later.map(({ busiestShare }) => (busiestShare === null ? null : busiestShare * 100)),
  };
}
