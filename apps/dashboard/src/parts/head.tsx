import { useState } from 'react';
import type { ProgressDocument } from '#libs/vocabulary';
import { move, type Caller, type Move } from '../api.js';
import { duration, number, time, words } from '../format.js';
import { texts } from '../texts.js';

type Props = { readonly progress: ProgressDocument; readonly isLive: boolean; readonly caller: Caller };

export function Head({ progress, isLive, caller }: Props) {
  const { migration, percent } = progress;
  return (
    <header className="head">
      <div className="headline">
        <div>
          <h2>{migration.name}</h2>
          <p className="standing">
            <span className={`badge ${migration.state}`}>{texts.migrationStates[migration.state]}</span>
            <span className={isLive ? 'live' : 'live stale'} data-testid="live">
              {isLive ? texts.live : texts.stale}
            </span>
          </p>
        </div>
        <Moves progress={progress} caller={caller} />
        <p className="percent">
          <span data-testid="percent">{percent}</span>
          <small>%</small>
        </p>
      </div>
      <Cause progress={progress} />
      <Tiles progress={progress} />
    </header>
  );
}

function Cause({ progress: { migration } }: { readonly progress: ProgressDocument }) {
  const { cause, state } = migration;
  if (cause === null) return null;
  return (
    <p role="alert" className="cause">
      <strong>
        {state === 'pausing' ? texts.pausingFor : texts.pausedFor} {texts.since} {time(cause.since)}:{' '}
        {words(cause.reason)}.
      </strong>{' '}
      {cause.whatToDo}
    </p>
  );
}

const mayMove = (caller: Caller) => caller.role === 'operator' || caller.role === 'admin';

function movesOf({ migration: { state }, failures }: ProgressDocument): Move[] {
  switch (state) {
    case 'approved':
      return ['start'];
    case 'running':
      return failures.some(({ step }) => step !== 'plan') ? ['retry', 'pause'] : ['pause'];
    case 'pausing':
    case 'paused':
      return ['resume'];
    case 'completedWithIssues':
      return failures.some(({ step }) => step !== 'plan') ? ['retry'] : [];
    default:
      return [];
  }
}

function Moves({ progress, caller }: { readonly progress: ProgressDocument; readonly caller: Caller }) {
  const [refusal, setRefusal] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  if (!mayMove(caller)) return null;
  const ask = async (name: Move) => {
    setIsBusy(true);
    setRefusal(await move(progress.migration.id, name).catch(() => texts.unreachable));
    setIsBusy(false);
  };
  return (
    <div className="moves">
      {movesOf(progress).map((name) => (
        <button
          key={name}
          type="button"
          className={name === 'pause' || name === 'retry' ? 'outline' : ''}
          disabled={isBusy}
          onClick={() => void ask(name)}
        >
          {texts.moves[name]}
        </button>
      ))}
      {refusal !== undefined && (
        <p role="alert" className="trouble small">
          {refusal}
        </p>
      )}
    </div>
  );
}

function Tiles({ progress }: { readonly progress: ProgressDocument }) {
  const { employees, rate, eta, failures, migration } = progress;
  const needs = failures.reduce((sum, { count }) => sum + count, 0);
  return (
    <dl className="tiles">
      <div>
        <dt>{texts.tiles.done}</dt>
        <dd>
          <span data-testid="done">{number(employees.done)}</span>
          <small>of {number(employees.total - employees.skipped)}</small>
        </dd>
      </div>
      <div>
        <dt>{texts.tiles.rate}</dt>
        <dd>
          {number(rate.employeesPerMinute)}
          <small>employees, {number(rate.callsPerMinute)} calls</small>
        </dd>
      </div>
      <div data-testid="eta">
        <dt>{texts.tiles.eta}</dt>
        {eta.finishAt === null ? <Unpromised progress={progress} reason={eta.reason} /> : <Promised eta={eta} />}
      </div>
      <div className={needs > 0 ? 'alarm' : ''}>
        <dt>{texts.tiles.needs}</dt>
        <dd>
          <span data-testid="needs">{number(needs)}</span>
          <small>
            {needs === 0 ? texts.noFailures : failures.length === 1 ? 'one reason' : `${failures.length} reasons`}
          </small>
        </dd>
      </div>
      <Elapsed migration={migration} asOf={progress.asOf} />
    </dl>
  );
}

type Eta = Extract<ProgressDocument['eta'], { readonly finishAt: string }>;

function Promised({ eta }: { readonly eta: Eta }) {
  const left = Date.parse(eta.finishAt) - Date.now();
  return (
    <dd>
      {time(eta.finishAt)}
      <small>
        in {duration(left)}; {time(eta.earliest)} to {time(eta.latest)}
        {eta.bindingQuota !== null && `, held by ${words(eta.bindingQuota).toLowerCase()}`}
      </small>
    </dd>
  );
}

function Unpromised({
  progress: { migration },
  reason,
}: {
  readonly progress: ProgressDocument;
  readonly reason: string;
}) {
  if (migration.finishedAt !== null) return <dd>{time(migration.finishedAt)}</dd>;
  return (
    <dd>
      –<small>{reason}</small>
    </dd>
  );
}

function Elapsed({ migration, asOf }: { readonly migration: ProgressDocument['migration']; readonly asOf: string }) {
  const { startedAt, finishedAt } = migration;
  if (startedAt === null) return null;
  return (
    <div>
      <dt>{finishedAt === null ? texts.tiles.elapsed : texts.tiles.took}</dt>
      <dd>
        {duration(Date.parse(finishedAt ?? asOf) - Date.parse(startedAt))}
        <small>
          {texts.since} {time(startedAt)}
        </small>
      </dd>
    </div>
  );
}
