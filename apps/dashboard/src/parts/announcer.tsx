import { useEffect, useRef, useState } from 'react';
import type { ProgressDocument } from '#libs/vocabulary';
import { number } from '../format.js';
import { texts } from '../texts.js';

const quietMs = 30_000;

/**
 * Tells a screen reader how far it is: at once when the state or the connection changes, else at most every half minute.
 * The figures themselves change every second and would drown everything else.
 */
export function Announcer({ progress, isLive }: { readonly progress: ProgressDocument; readonly isLive: boolean }) {
  const { migration, employees, percent, failures } = progress;
  const [said, setSaid] = useState('');
  const last = useRef({ at: 0, key: '' });
  useEffect(() => {
    const key = `${migration.state} ${isLive} ${failures.length}`;
    const isNews = key !== last.current.key;
    if (!isNews && Date.now() - last.current.at < quietMs) return;
    last.current = { at: Date.now(), key };
    const open = failures.reduce((sum, { count }) => sum + count, 0);
    setSaid(
      [
        `${texts.migrationStates[migration.state]}, ${percent} %`,
        `${number(employees.done)} ${texts.stepStates.done}`,
        open === 0 ? texts.noFailures : `${texts.failures}: ${number(open)}`,
        isLive ? '' : texts.stale,
      ]
        .filter(Boolean)
        .join('. '),
    );
  }, [migration.state, isLive, failures, percent, employees.done]);
  return (
    <p className="unseen" role="status" aria-live="polite">
      {said}
    </p>
  );
}
