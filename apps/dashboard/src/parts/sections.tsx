import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import type { ProgressDocument } from '#libs/vocabulary';
import { readConcerned } from '../api.js';
import { Bar } from '../charts/bar.js';
import { duration, number, share, time, words } from '../format.js';
import { texts } from '../texts.js';

type Props = { readonly progress: ProgressDocument };

const employeeOrder = ['done', 'inProgress', 'waiting', 'pending', 'failed', 'conflict', 'skipped'] as const;
const stepOrder = ['done', 'running', 'waiting', 'failed', 'pending'] as const;

function Card({ id, title, note, children }: { id: string; title: string; note?: string; children: ReactNode }) {
  return (
    <section className="card" aria-labelledby={id}>
      <h3 id={id}>
        {title} {note !== undefined && <span className="muted small">{note}</span>}
      </h3>
      {children}
    </section>
  );
}

export function People({ progress: { employees } }: Props) {
  const parts = employeeOrder.map((name) => ({ name, label: texts.employeeStates[name], count: employees[name] }));
  const said = parts.filter(({ count }) => count > 0).map(({ label, count }) => `${label} ${number(count)}`);
  return (
    <Card id="people" title={texts.people} note={number(employees.total)}>
      <Bar parts={parts} label={said.join(', ')} />
      <ul className="legend">
        {parts.map(({ name, label, count }) => (
          <li key={name} className={count === 0 ? 'none' : ''}>
            <i className={`dot state-${name}`} aria-hidden="true" />
            {label} <strong data-testid={`people-${name}`}>{number(count)}</strong>
          </li>
        ))}
      </ul>
    </Card>
  );
}

export function Steps({ progress: { steps } }: Props) {
  return (
    <Card id="steps" title={texts.steps}>
      <ul className="rows">
        {steps.map(({ step, skipped, ...states }) => {
          const parts = stepOrder.map((name) => ({ name, count: states[name] }));
          const wanted = parts.reduce((sum, { count }) => sum + count, 0);
          const rest = parts.filter(({ name, count }) => count > 0 && name !== 'done' && name !== 'pending');
          return (
            <li key={step}>
              <span className="row-name">{texts.stepNames[step]}</span>
              <span className="row-figure">
                {number(states.done)} <span className="muted">of {number(wanted)}</span>
              </span>
              <Bar parts={parts} />
              <span className="muted small row-note">
                {wanted === 0
                  ? texts.stepStates.skipped
                  : rest.map(({ name, count }) => `${number(count)} ${texts.stepStates[name]}`).join(' · ')}
                {wanted > 0 && rest.length === 0 && skipped > 0 && `${number(skipped)} ${texts.stepStates.skipped}`}
              </span>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

export function Failures({ progress: { failures, migration } }: Props) {
  const count = failures.reduce((sum, one) => sum + one.count, 0);
  return (
    <Card id="failures" title={texts.failures} {...(count > 0 && { note: number(count) })}>
      {failures.length === 0 && <p className="muted">{texts.noFailures}</p>}
      <ul className="failures">
        {failures.map((failure) => (
          <li key={`${failure.step} ${failure.reason}`}>
            <p>
              <strong className="count">{number(failure.count)}</strong>
              <strong>{words(failure.reason)}</strong>
              <span className="tag">{texts.stepNames[failure.step]}</span>
            </p>
            <p>{failure.whatToDo}</p>
            <Concerned id={migration.id} failure={failure} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** Whom a failure concerns: asked for only when somebody opens it. */
function Concerned({ id, failure }: { readonly id: string; readonly failure: ProgressDocument['failures'][number] }) {
  const [isOpen, setIsOpen] = useState(false);
  const { reason, count, exampleEmployee } = failure;
  const concerned = useQuery({
    queryKey: ['concerned', id, reason, count],
    queryFn: () => readConcerned(id, reason),
    enabled: isOpen,
  });
  return (
    <details onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary className="muted small">
        {texts.who} {texts.example} {exampleEmployee}
      </summary>
      <p className="small numbers">
        {(concerned.data?.employees ?? []).map(({ employeeNumber }) => employeeNumber).join(', ')}
        {concerned.data !== undefined && concerned.data.cursor !== null && ` ${texts.more}`}
      </p>
    </details>
  );
}

/** The rest is further from its limit than these, and says nothing. */
const quotasShown = 5;

export function Quotas({ progress: { quotas } }: Props) {
  const used = quotas
    .filter(({ used: amount, rejected, scope }) => scope !== 'user' && (amount > 0 || rejected > 0))
    .toSorted((a, b) => b.used / b.limit - a.used / a.limit)
    .slice(0, quotasShown);
  return (
    <Card id="quotas" title={texts.quotas}>
      {used.length === 0 && <p className="muted">{texts.quotasEmpty}</p>}
      <ul className="rows">
        {used.map(({ quota, limit, used: amount, rejected, window }) => (
          <li key={quota}>
            <span className="row-name">{words(quota)}</span>
            <span className="row-figure">{share(amount, limit)} %</span>
            <Bar
              parts={[
                { name: 'used', count: Math.min(amount, limit) },
                { name: 'rest', count: Math.max(0, limit - amount) },
              ]}
            />
            <span className="muted small row-note">
              {number(amount)} of {number(limit)} a {window}
              {rejected > 0 && ` · ${number(rejected)} ${texts.refused}`}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

export function Waits({ progress: { waits, asOf } }: Props) {
  if (waits.length === 0) return null;
  return (
    <Card id="waits" title={texts.waits} note={texts.waitsHint}>
      <ul className="waits">
        {waits.map(({ reason, step, count, oldestSince, dueBy }) => (
          <li key={`${step} ${reason}`}>
            <strong className="count">{number(count)}</strong>
            <span>
              {words(reason)} <span className="tag">{texts.stepNames[step]}</span>
              <span className="muted small block">
                {texts.since} {duration(Date.parse(asOf) - Date.parse(oldestSince))}
                {dueBy !== null && `, ${texts.until} ${time(dueBy)}`}
              </span>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

export function Waves({ progress: { waves } }: Props) {
  if (waves.length < 2) return null;
  return (
    <Card id="waves" title={texts.waves}>
      <ul className="rows">
        {waves.map(({ wave, state, total, ...states }) => (
          <li key={wave}>
            <span className="row-name">
              {texts.wave} {wave}
            </span>
            <span className="row-figure">
              {number(states.done)} <span className="muted">of {number(total - states.skipped)}</span>
            </span>
            <Bar parts={employeeOrder.map((name) => ({ name, count: states[name] }))} />
            <span className="muted small row-note">
              {texts.waveStates[state]}
              {states.failed + states.conflict > 0 &&
                ` · ${number(states.failed + states.conflict)} ${texts.stepStates.failed}`}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
