import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GoogleCallError, type Workspace } from '#libs/google';
import { employee, freePermits, startScriptedGoogle, workspaceOf, type ScriptedGoogle } from './scripted-google.js';

let google: ScriptedGoogle;
let workspace: Workspace;
const scopes = ['https://scope.example/one', 'https://scope.example/two'];
const token = (subject = employee) => workspace.caller.tokens.get({ subject, scopes });

beforeEach(async () => {
  google = await startScriptedGoogle();
  workspace = workspaceOf(google);
});
afterEach(async () => {
  await google.stop();
  await workspace.close();
});

describe('tokens', () => {
  it('are minted once for however many ask at the same time', async () => {
    const tokens = await Promise.all(Array.from({ length: 50 }, () => token()));
    expect(new Set(tokens).size).toBe(1);
    expect(google.mints).toHaveLength(1);
  });

  it('are asked of the key file’s token_uri, with everything that Google checks', async () => {
    await token();
    const [claims] = google.mints;
    expect(claims).toMatchObject({
      iss: google.key.clientEmail,
      sub: employee,
      scope: scopes.join(' '),
      aud: `${google.apiRoot}/odd/token`,
    });
    expect((claims?.exp ?? 0) - (claims?.iat ?? 0)).toBe(3_600);
    expect(Math.abs((claims?.iat ?? 0) - Date.now() / 1_000)).toBeLessThan(60);
  });

  it('are one a subject and scope set, whatever the case of the address', async () => {
    const first = await token();
    expect(await token(employee.toUpperCase())).toBe(first);
    expect(await token('other@corp.example')).not.toBe(first);
    expect(await workspace.caller.tokens.get({ subject: employee, scopes: scopes.slice(1) })).not.toBe(first);
    expect(google.mints).toHaveLength(3);
  });

  it('are not used in their last minute', async () => {
    google.tokenLifeSeconds = 60;
    const first = await token();
    expect(await token()).not.toBe(first);
    google.tokenLifeSeconds = 90;
    const third = await token();
    expect(await token()).toBe(third);
  });

  it('are minted again after a mint that was lost', async () => {
    google.onMint = () => ({ cut: true });
    const lost = await Promise.allSettled(Array.from({ length: 5 }, () => token()));
    for (const one of lost) {
      expect(one).toMatchObject({ status: 'rejected', reason: { reason: 'reply_lost', effect: 'none' } });
    }
    google.onMint = () => undefined;
    await expect(token()).resolves.toMatch(/^ya29\./);
  });

  it('are minted by the next who asks when the first gave up waiting for its permit', async () => {
    const { permits } = freePermits();
    let release: () => void = () => undefined;
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    let first = true;
    await workspace.close();
    workspace = workspaceOf(google, {
      permits: {
        ...permits,
        acquire: async (request) => {
          if (!first) return permits.acquire(request);
          first = false;
          await blocked;
          throw new Error('the first gave up');
        },
      },
    });
    const asked = [token(), token(), token()];
    release();
    const [own, ...others] = await Promise.allSettled(asked);
    expect(own).toMatchObject({ status: 'rejected' });
    expect(others.every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(google.mints).toHaveLength(1);
  });

  it('are refused in our own words, and a refusal is not kept', async () => {
    google.onMint = () => ({
      status: 400,
      body: { error: 'invalid_grant', error_description: `Invalid JWT Signature of ${employee}` },
    });
    const refused: unknown = await token().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(GoogleCallError);
    expect(refused).toMatchObject({ reason: 'credentials_refused', googleReason: 'invalid_grant', status: 400 });
    expect(JSON.stringify(refused)).not.toContain('@');
    google.onMint = () => undefined;
    await expect(token()).resolves.toMatch(/^ya29\./);
  });

  it('report a quota’s refusal of the token endpoint', async () => {
    const { permits, reported } = freePermits();
    await workspace.close();
    workspace = workspaceOf(google, { permits });
    google.onMint = () => ({ status: 429, body: 'Too many requests', headers: { 'retry-after': '2' } });
    await expect(token()).rejects.toMatchObject({ reason: 'quota_refused', retryAfterMs: 2_000 });
    expect(reported).toEqual([{ method: 'token.mint', hint: { retryAfterMs: 2_000 } }]);
  });
});
