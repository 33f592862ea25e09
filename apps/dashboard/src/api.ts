import type { MigrationState, ProgressDocument } from '#libs/vocabulary';

/** The session is a cookie that no script can read; the token is sent once, to get it. */
export async function signIn(token: string): Promise<boolean> {
  const response = await fetch('/v1/session', { method: 'POST', headers: { authorization: `Bearer ${token}` } });
  return response.ok;
}

export async function signOut(): Promise<void> {
  await fetch('/v1/session', { method: 'DELETE' });
}

export async function isSignedIn(): Promise<boolean> {
  return (await fetch('/v1/session')).ok;
}

export interface MigrationLine {
  readonly id: string;
  readonly name: string;
  readonly state: MigrationState;
  readonly percent: number;
}

export interface RatePoint {
  readonly at: string;
  readonly finished: number;
  readonly calls: number;
}

async function read<T>(path: string): Promise<T> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

export const readMigrations = () => read<MigrationLine[]>('/v1/migrations');
export const readRates = (id: string) => read<RatePoint[]>(`/v1/migrations/${id}/rates`);

/** Follows a migration's progress; the browser reconnects by itself. The function returned ends it. */
export function followProgress(
  id: string,
  on: { progress: (document: ProgressDocument) => void; live: (isLive: boolean) => void },
): () => void {
  const source = new EventSource(`/v1/migrations/${id}/progress/stream`);
  source.addEventListener('progress', (event: MessageEvent<string>) => {
    on.live(true);
    on.progress(JSON.parse(event.data));
  });
  source.onopen = () => on.live(true);
  source.onerror = () => on.live(false);
  return () => source.close();
}
