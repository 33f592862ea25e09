import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { ProgressDocument } from '#libs/vocabulary';
import { followProgress, readRates } from '../api.js';
import { Bar } from '../charts/bar.js';
import { PaceChart } from '../charts/pace-chart.js';
import { number, texts, time, words } from '../texts.js';

const employeeOrder = ['done', 'inProgress', 'waiting', 'pending', 'failed', 'conflict', 'skipped'] as const;
const stepOrder = ['done', 'running', 'waiting', 'pending', 'failed'] as const;

export function Progress({ id }: { readonly id: string }) {
  const [progress, setProgress] = useState<ProgressDocument>();
  const [isLive, setIsLive] = useState(false);
  useEffect(() => {
    setProgress(undefined);
    return followProgress(id, { progress: setProgress, live: setIsLive });
  }, [id]);
  const rates = useQuery({ queryKey: ['rates', id], queryFn: () => readRates(id), refetchInterval: 5_000 });
  if (progress === undefined) return <p className="muted">…</p>;
  return (
    <article aria-live="polite">
      <Head progress={progress} isLive={isLive} />
      <People progress={progress} />
      <Failures progress={progress} />
      <Steps progress={progress} />
      <section>
        <h3>{texts.pace}</h3>
        <PaceChart points={rates.data ?? []} limit={quotaLine(progress)} />
      </section>
      <Quotas progress={progress} />
      <Waits progress={progress} />
    </article>
  );
}

/** The limit of the busiest quota that counts calls, a minute's worth. */
function quotaLine({ quotas }: ProgressDocument): number | null {
  const perMinute = { second: 60, minute: 1, day: 0 };
  const [busiest] = quotas
    .filter(({ window }) => window !== 'day')
    .toSorted((a, b) => b.used / b.limit - a.used / a.limit);
  if (busiest === undefined || busiest.used === 0) return null;
  return busiest.limit * (busiest.window === 'second' ? perMinute.second : perMinute.minute);
}

function Head({ progress, isLive }: { readonly progress: ProgressDocument; readonly isLive: boolean }) {
  const { migration, percent, eta, rate } = progress;
  return (
    <header className="head">
      <div>
        <h2>{migration.name}</h2>
        <p>
          <span className={`badge ${migration.state}`}>{texts.migrationStates[migration.state]}</span>{' '}
          <span className="muted">{isLive ? texts.live : texts.stale}</span>
        </p>
      </div>
      <p className="percent" data-testid="percent">
        {percent}
        <small> %</small>
      </p>
      {migration.cause !== null && (
        <p role="alert" className="cause">
          <strong>{words(migration.cause.reason)}</strong> {migration.cause.whatToDo}
        </p>
      )}
      <p className="eta">
        {eta.finishAt === null ? (
          <span className="muted">{eta.reason}</span>
        ) : (
          <>
            {texts.finish} <strong>{time(eta.finishAt)}</strong>, {texts.between} {time(eta.earliest)} {texts.and}{' '}
            {time(eta.latest)}
            {eta.bindingQuota !== null && `, ${texts.bound} ${eta.bindingQuota}`}
          </>
        )}
        <br />
        <span className="muted">
          {number(rate.employeesPerMinute)} {texts.paceEmployees.toLowerCase()}, {number(rate.callsPerMinute)}{' '}
          {texts.paceCalls.toLowerCase()}
        </span>
      </p>
    </header>
  );
}

function People({ progress: { employees } }: { readonly progress: ProgressDocument }) {
  const parts = employeeOrder.map((name) => ({ name, label: texts.employeeStates[name], count: employees[name] }));
  return (
    <section>
      <h3>
        {texts.people} <span className="muted">{number(employees.total)}</span>
      </h3>
      <Bar parts={parts} label={parts.map(({ label, count }) => `${label} ${count}`).join(', ')} />
      <ul className="legend">
        {parts.map(({ name, label, count }) => (
          <li key={name}>
            <i className={`dot state-${name}`} /> {label}{' '}
            <strong data-testid={`people-${name}`}>{number(count)}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Steps({ progress: { steps } }: { readonly progress: ProgressDocument }) {
  return (
    <section>
      <h3>{texts.steps}</h3>
      <ul className="steps">
        {steps.map((step) => {
          const parts = stepOrder.map((name) => ({ name, label: texts.stepStates[name], count: step[name] }));
          const shown = parts.filter(({ count }) => count > 0).map(({ label, count }) => `${number(count)} ${label}`);
          return (
            <li key={step.step}>
              <span>{texts.stepNames[step.step]}</span>
              <Bar parts={parts} label={shown.join(', ')} />
              <span className="muted">{shown.join(' · ')}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Failures({ progress: { failures } }: { readonly progress: ProgressDocument }) {
  return (
    <section>
      <h3>{texts.failures}</h3>
      {failures.length === 0 && <p className="muted">{texts.noFailures}</p>}
      <ul className="failures">
        {failures.map(({ reason, step, count, exampleEmployee, whatToDo }) => (
          <li key={`${step} ${reason}`}>
            <strong>{number(count)}</strong> {texts.stepNames[step]}: {words(reason)}{' '}
            <span className="muted">
              {texts.example} {exampleEmployee}
            </span>
            <p>{whatToDo}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Quotas({ progress: { quotas } }: { readonly progress: ProgressDocument }) {
  const used = quotas.filter((quota) => quota.used > 0 || quota.rejected > 0);
  if (used.length === 0) return null;
  return (
    <section>
      <h3>{texts.quotas}</h3>
      <ul className="steps">
        {used.map(({ quota, limit, used: amount, rejected, window }) => (
          <li key={quota}>
            <span>{quota}</span>
            <Bar
              parts={[
                { name: 'running', label: texts.used, count: Math.min(amount, limit) },
                { name: 'rest', label: '', count: Math.max(0, limit - amount) },
              ]}
              label={`${Math.round((amount / limit) * 100)} %`}
            />
            <span className="muted">
              {Math.round((amount / limit) * 100)} % of {number(limit)} a {window}, {number(rejected)} {texts.refused}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Waits({ progress: { waits } }: { readonly progress: ProgressDocument }) {
  if (waits.length === 0) return null;
  return (
    <section>
      <h3>{texts.waits}</h3>
      <ul className="failures">
        {waits.map(({ reason, step, count, dueBy }) => (
          <li key={`${step} ${reason}`}>
            <strong>{number(count)}</strong> {texts.stepNames[step]}: {words(reason)}{' '}
            {dueBy !== null && (
              <span className="muted">
                {texts.until} {time(dueBy)}
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
