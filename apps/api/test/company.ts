import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { z } from 'zod';
import { startSimulator, type TestSimulator } from '#libs/testing';
import type { Role } from '#libs/vocabulary';
import { expectDocumented, type Method } from './documented.js';
import { startApi, type TestApi } from './setup.js';

/** An API in this process before a simulated Google, with the records of a dozen people and a blueprint. */
export interface TestCompany {
  readonly api: TestApi;
  readonly simulator: TestSimulator;
  readonly blueprint: string;
  readonly numbers: readonly string[];
  /** One request with a token of a role; the answer must be as the OpenAPI document says. */
  send(role: Role, method: Method, url: string, payload?: object): Promise<{ status: number; body: unknown }>;
  /** Creates a migration for these people and gives its id. */
  create(numbers: readonly string[]): Promise<string>;
  /** Plans it and waits until the plan is ready. */
  plan(id: string): Promise<void>;
  stop(): Promise<void>;
}

const idSchema = z.looseObject({ id: z.string() });

export async function startCompany(people = 12): Promise<TestCompany> {
  const simulator = await startSimulator();
  const api = await startApi({
    BASCULE_GOOGLE_API_ROOT: simulator.apiRoot,
    BASCULE_GOOGLE_CREDENTIALS: simulator.keyFile,
    BASCULE_GOOGLE_ADMINS: 'admin1@bascule-retail.example',
    BASCULE_GOOGLE_CANARY: 'admin@bascule-retail.example',
  });
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  const secrets = new Map<Role, Promise<string>>();
  const send = async (role: Role, method: Method, url: string, payload?: object) => {
    const secret = secrets.get(role) ?? api.token(role);
    secrets.set(role, secret);
    const headers = { authorization: `Bearer ${await secret}` };
    const response = await api.app.inject({ method, url, headers, ...(payload !== undefined && { payload }) });
    expectDocumented(api, method, url, response);
    return { status: response.statusCode, body: response.body === '' ? undefined : asBody(response.body) };
  };
  const numbers = await pushFeed(api, people);
  const blueprint = await pushBlueprint(api, send);
  const create = async (chosen: readonly string[]) => {
    const selection = { kind: 'list', employeeNumbers: chosen };
    const { status, body } = await send('operator', 'POST', '/v1/migrations', { name: 'Pilots', blueprint, selection });
    expect(status).toBe(201);
    return idSchema.parse(body).id;
  };
  const plan = async (id: string) => {
    expect(await send('operator', 'POST', `/v1/migrations/${id}/plan`)).toMatchObject({ status: 202 });
    await vi.waitFor(
      async () => {
        const { body } = await send('viewer', 'GET', `/v1/migrations/${id}/plan`);
        expect(body).toMatchObject({ state: 'ready' });
      },
      { timeout: 30_000, interval: 100 },
    );
  };
  return {
    api,
    simulator,
    blueprint,
    numbers,
    send,
    create,
    plan,
    stop: async () => {
      await api.stop();
      await simulator.stop();
    },
  };
}

function asBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Pushes a whole population, as an HR system does. */
export async function push(api: TestApi, source: string, feed: string): Promise<void> {
  const url = `${await api.app.getUrl()}/v1/feeds/${source}/deliveries?mode=full`;
  const headers = { authorization: `Bearer ${await api.token('feed')}`, 'content-type': 'text/csv', prefer: 'wait=60' };
  const response = await fetch(url, { method: 'POST', headers, body: feed });
  expect(await response.json()).toMatchObject({ state: 'done', rows: { rejected: 0 } });
}

async function pushFeed(api: TestApi, people: number): Promise<string[]> {
  const generator = join(api.foundation.config.projectFolder, 'scripts/generate-feed.mjs');
  const feed = execFileSync(process.execPath, [generator, '--employees', String(people), '--seed', '1'], {
    encoding: 'utf8',
  });
  await push(api, 'hr', feed);
  const { rows } = await api.foundation.ledger.pool.query('select employee_number from employee order by 1');
  return rows.map((row: { employee_number: string }) => row.employee_number);
}

async function pushBlueprint(api: TestApi, send: TestCompany['send']): Promise<string> {
  const document = readFileSync(join(api.foundation.config.projectFolder, 'config/blueprints/retailer.yaml'), 'utf8');
  expect(await send('viewer', 'POST', '/v1/blueprints/check', { document })).toMatchObject({ status: 200 });
  const { status, body } = await send('operator', 'POST', '/v1/blueprints', { document });
  expect(status).toBe(201);
  return z.looseObject({ name: z.string() }).parse(body).name;
}
