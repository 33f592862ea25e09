import type { Measure, MigrationState, ProgressDocument, Role } from '#libs/vocabulary';

/** The session is a cookie that no script can read; the token is sent once, to get it. */
export async function signIn(token: string): Promise<Caller | undefined> {
  const response = await fetch('/v1/session', { method: 'POST', headers: { authorization: `Bearer ${token}` } });
  return response.ok ? response.json() : undefined;
}

export async function signOut(): Promise<void> {
  await fetch('/v1/session', { method: 'DELETE' });
}

export interface Caller {
  readonly name: string;
  readonly role: Role;
}

/** Who is signed in; undefined when nobody is. Rejects while Bascule does not answer. */
export async function whoIsSignedIn(): Promise<Caller | undefined> {
  const response = await fetch('/v1/session');
  if (response.status === 401) return undefined;
  if (!response.ok) throw new Error(`the session cannot be read: ${response.status}`);
  return response.json();
}

export interface MigrationLine {
  readonly id: string;
  readonly name: string;
  readonly state: MigrationState;
  readonly percent: number;
  readonly employees: ProgressDocument['employees'];
}

export interface RatePoint {
  readonly at: string;
  readonly finished: number;
  readonly calls: number;
  readonly busiestQuota: string | null;
  /** Of the busiest quota, what was used of it; 1 is all. */
  readonly busiestShare: number | null;
}

interface EmployeePage {
  readonly employees: readonly { readonly employeeNumber: string }[];
  readonly cursor: number | null;
}

/** A delivery that waits for a person's word. */
export interface HeldDelivery {
  readonly id: string;
  readonly source: string;
  readonly mode: 'full' | 'delta';
  readonly population: string;
  readonly since: string;
  readonly fingerprint: string;
  readonly measures: readonly (Measure & { readonly isOver: boolean; readonly sentence: string })[];
  /** Leavers and address changes by country. */
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly waiting: number;
}

async function read<T>(path: string): Promise<T> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

export const readMigrations = () => read<MigrationLine[]>('/v1/migrations');
export const readRates = (id: string) => read<RatePoint[]>(`/v1/migrations/${id}/rates`);
export const readHeld = () => read<HeldDelivery[]>('/v1/held-deliveries');
export const readConcerned = (id: string, reason: string) =>
  read<EmployeePage>(`/v1/migrations/${id}/employees?reason=${reason}&limit=50`);

export type Move = 'start' | 'pause' | 'resume' | 'retry';

/** Asks for a move; gives the refusal's own words, or nothing when it was done. */
export async function move(id: string, name: Move): Promise<string | undefined> {
  return refusalOf(await fetch(`/v1/migrations/${id}/${name}`, { method: 'POST' }));
}

async function refusalOf(response: Response): Promise<string | undefined> {
  if (response.ok) return undefined;
  const problem: { detail?: string; title?: string } = await response.json();
  return problem.detail ?? problem.title ?? String(response.status);
}

export type Verdict = 'approve' | 'reject';

/** Decides on exactly the difference that was shown; gives the refusal's own words, or nothing when it was done. */
export async function decide(
  { source, id, fingerprint }: HeldDelivery,
  verdict: Verdict,
  note: string,
): Promise<string | undefined> {
  const response = await fetch(`/v1/feeds/${encodeURIComponent(source)}/deliveries/${id}/${verdict}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ fingerprint, note }),
  });
  return refusalOf(response);
}

const comeAgainMs = 2_000;

/**
 * Follows a migration's progress until the function returned is called. The browser reconnects by itself after a broken
 * connection; after an answer that is no stream (a proxy's error page, an ended session) it would not: then this does.
 */
export function followProgress(
  id: string,
  on: { progress: (document: ProgressDocument) => void; live: (isLive: boolean) => void; signedOut: () => void },
): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let over = false;
  const open = () => {
    source = new EventSource(`/v1/migrations/${id}/progress/stream`);
    source.addEventListener('progress', (event: MessageEvent<string>) => {
      on.live(true);
      on.progress(JSON.parse(event.data));
    });
    source.onopen = () => on.live(true);
    source.onerror = () => {
      on.live(false);
      if (source?.readyState === EventSource.CLOSED) timer = setTimeout(() => void again(), comeAgainMs);
    };
  };
  const again = async () => {
    const caller = await whoIsSignedIn().catch(() => 'unknown' as const);
    if (over) return;
    if (caller === undefined) on.signedOut();
    else open();
  };
  open();
  return () => {
    over = true;
    clearTimeout(timer);
    source?.close();
  };
}
