import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { readMigrations, signOut, type Caller, type MigrationLine } from '../api.js';
import { Bar } from '../charts/bar.js';
import { texts } from '../texts.js';
import { Held } from './held.js';
import { Migration } from './migration.js';

const chosenInAddress = () => location.hash.replace(/^#\/?/, '');
const listMs = 5_000;

type Props = { readonly caller: Caller; readonly onSignedOut: (why: 'signedOut' | 'ended') => void };

export function Home({ caller, onSignedOut }: Props) {
  const migrations = useQuery({ queryKey: ['migrations'], queryFn: readMigrations, refetchInterval: listMs });
  const [chosen, setChosen] = useState(chosenInAddress);
  useEffect(() => {
    const follow = () => setChosen(chosenInAddress());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const list = migrations.data ?? [];
  const shown = list.some(({ id }) => id === chosen) ? chosen : list[0]?.id;
  return (
    <>
      <a className="skip" href="#progress" onClick={skipToProgress}>
        {texts.skip}
      </a>
      <header className="top">
        <h1 className="brand">{texts.title}</h1>
        <p className="who">
          <span className="muted small">
            {caller.name} · {caller.role}
          </span>
          <button type="button" className="quiet" onClick={() => void signOut().then(() => onSignedOut('signedOut'))}>
            {texts.signOut}
          </button>
        </p>
      </header>
      <div className="columns">
        <nav aria-label={texts.migrations}>
          <h2 className="eyebrow">{texts.migrations}</h2>
          {migrations.isError && (
            <p role="status" className="trouble">
              {texts.unreachable}
            </p>
          )}
          {migrations.isSuccess && list.length === 0 && (
            <p className="muted">
              {texts.noMigrations} <code>{texts.createCommand}</code>
            </p>
          )}
          <ul>
            {list.map((line) => (
              <li key={line.id}>
                <Choice line={line} isShown={line.id === shown} />
              </li>
            ))}
          </ul>
        </nav>
        <main id="progress" tabIndex={-1}>
          <Held caller={caller} />
          {shown !== undefined && (
            <Migration key={shown} id={shown} caller={caller} onSignedOut={() => onSignedOut('ended')} />
          )}
        </main>
      </div>
    </>
  );
}

/** The address names the migration that is shown, so the link moves the focus without changing it. */
function skipToProgress(event: { preventDefault: () => void }): void {
  event.preventDefault();
  document.getElementById('progress')?.focus();
}

function Choice({ line, isShown }: { readonly line: MigrationLine; readonly isShown: boolean }) {
  const { id, name, state, percent, employees } = line;
  const { total: _total, skipped: _skipped, ...shown } = employees;
  return (
    <a href={`#/${id}`} aria-current={isShown ? 'page' : undefined} className="choice">
      <strong>{name}</strong>
      <span className="muted small">
        {texts.migrationStates[state]} · {percent} %
      </span>
      <Bar slim parts={Object.entries(shown).map(([part, count]) => ({ name: part, count }))} />
    </a>
  );
}
