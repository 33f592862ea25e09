import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { readMigrations, signOut } from '../api.js';
import { texts } from '../texts.js';
import { Progress } from './progress.js';

const chosenInAddress = () => location.hash.replace(/^#\/?/, '');

export function Home({ onSignedOut }: { readonly onSignedOut: () => void }) {
  const migrations = useQuery({ queryKey: ['migrations'], queryFn: readMigrations, refetchInterval: 5_000 });
  const [chosen, setChosen] = useState(chosenInAddress);
  useEffect(() => {
    const follow = () => setChosen(chosenInAddress());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const list = migrations.data ?? [];
  const shown = chosen === '' ? list[0]?.id : chosen;
  return (
    <>
      <header className="top">
        <h1>{texts.title}</h1>
        <button type="button" className="quiet" onClick={() => void signOut().then(onSignedOut)}>
          {texts.signOut}
        </button>
      </header>
      <div className="columns">
        <nav aria-label={texts.migrations}>
          <h2>{texts.migrations}</h2>
          {migrations.isError && <p className="bad">{texts.unreachable}</p>}
          {migrations.isSuccess && list.length === 0 && <p className="muted">{texts.noMigrations}</p>}
          <ul>
            {list.map(({ id, name, state, percent }) => (
              <li key={id}>
                <a href={`#/${id}`} aria-current={id === shown ? 'page' : undefined}>
                  <strong>{name}</strong>
                  <span className="muted">
                    {texts.migrationStates[state]}, {percent} %
                  </span>
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <main>{shown !== undefined && <Progress key={shown} id={shown} />}</main>
      </div>
    </>
  );
}
