import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { declaredRoutes, Public } from '#libs/platform';
import { OpenApiDocument } from '../src/operations/open-api-document.js';
import { startApi, type TestApi } from './setup.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;
const open = new Set(['/healthz', '/readyz']);

function documentedRoutes() {
  return Object.entries(api.app.get(OpenApiDocument).get().paths).flatMap(([path, item]) =>
    methods.filter((method) => item[method] !== undefined).map((method) => ({ path, method })),
  );
}

test('every route but health refuses a request without a token', async () => {
  const routes = documentedRoutes();
  expect(routes.length).toBeGreaterThan(5);
  for (const { path, method } of routes) {
    const url = path.replaceAll(/\{\w+\}/g, '00000000-0000-4000-8000-000000000000');
    const { statusCode } = await api.app.inject({ method, url });
    expect(`${method} ${path} ${statusCode}`).toBe(`${method} ${path} ${open.has(path) ? 200 : 401}`);
  }
  for (const url of ['/docs', '/docs/openapi.json', '/docs/files/swagger-ui.css', '/metrics']) {
    expect((await api.app.inject({ url })).statusCode).toBe(401);
  }
});

test('a route that does not say who may call it is found', async () => {
  @Controller('forgotten')
  class ForgottenController {
    @Get()
    read() {
      return 'secret';
    }

    @Get('open')
    @Public()
    open() {
      return 'hello';
    }
  }
  @Module({ controllers: [ForgottenController] })
  class ForgottenModule {}
  const app = await NestFactory.create(ForgottenModule, new FastifyAdapter(), { logger: false });
  expect(declaredRoutes(app)).toEqual([
    { name: 'ForgottenController.read', access: undefined },
    { name: 'ForgottenController.open', access: 'public' },
  ]);
  await app.close();
});

test('every route says who may call it, only health is open to anybody, and a feed’s token reaches few', () => {
  const routes = declaredRoutes(api.app);
  expect(routes.filter(({ access }) => access === undefined)).toEqual([]);
  const openToAll = routes.filter(({ access }) => access === 'public').map(({ name }) => name);
  expect(openToAll).toEqual(['HealthController.health', 'HealthController.readiness']);
  const forFeeds = routes.filter(({ access }) => Array.isArray(access) && access.includes('feed'));
  for (const { name } of forFeeds) expect(name).toMatch(/^(Session|Docs|Feeds|Deliver|Workers|Scim)/);
});

test('the dashboard’s address answers anybody, with a policy that lets nothing in from other hosts', async () => {
  const response = await api.app.inject({ url: '/' });
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toContain('text/html');
  const policy = String(response.headers['content-security-policy']);
  expect(policy).toContain("default-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain('http');
});

test('the OpenAPI page loads everything from this server', async () => {
  const headers = { authorization: `Bearer ${await api.token('viewer')}` };
  const page = await api.app.inject({ url: '/docs', headers });
  const addresses = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
  expect(addresses).toHaveLength(3);
  for (const url of addresses) {
    expect(url).toMatch(/^\/docs\//);
    expect((await api.app.inject({ url, headers })).statusCode).toBe(200);
  }
  const outside = await api.app.inject({ url: '/docs/files/..%2fpackage.json', headers });
  expect(outside.statusCode).toBe(404);
});

test('answers stay out of caches, and unknown addresses and broken bodies are problems', async () => {
  const headers = { authorization: `Bearer ${await api.token('admin')}`, 'content-type': 'application/json' };
  const unknown = await api.app.inject({ url: '/v1/nowhere', headers });
  expect(unknown.json()).toMatchObject({ type: 'urn:bascule:problem:not-found', status: 404 });
  expect(unknown.headers['cache-control']).toBe('no-store');
  const post = (payload: string, type = 'application/json') =>
    api.app.inject({ method: 'POST', url: '/v1/tokens', headers: { ...headers, 'content-type': type }, payload });
  expect((await post('{"name":')).json()).toMatchObject({ type: 'urn:bascule:problem:malformed-request', status: 400 });
  expect((await post('"x"')).json()).toMatchObject({ type: 'urn:bascule:problem:invalid-field', status: 400 });
  expect((await post(`{"name":"${'x'.repeat(2 ** 20)}"}`)).json()).toMatchObject({ status: 413 });
  expect((await post('<a/>', 'application/xml')).json()).toMatchObject({ status: 415 });
});

test('a fault tells the caller nothing, and the log no values', async () => {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const broken = await startApi({ BASCULE_LOG_LEVEL: 'info' }, sink);
  const headers = { authorization: `Bearer ${await broken.token('admin')}` };
  await broken.foundation.ledger.pool.query('alter table access_token rename column created_by to olga_nordmann');
  const response = await broken.app.inject({ url: '/v1/tokens', headers });
  expect(response.json()).toMatchObject({ type: 'urn:bascule:problem:fault', status: 500 });
  const log = lines.join('');
  const { requestId } = response.json<{ requestId: string }>();
  expect(log).toContain(requestId);
  for (const text of [response.body, log]) {
    expect(text).not.toMatch(/created_by|select|column/);
  }
  await broken.stop();
});

test('metrics tell how long requests took by route, not by address', async () => {
  const headers = { authorization: `Bearer ${await api.token('viewer')}` };
  await api.app.inject({ url: '/docs/files/olga.nordmann', headers });
  const { body } = await api.app.inject({ url: '/metrics', headers });
  expect(body).toMatch(/bascule_http_request_duration_seconds_count\{.*route="\/docs\/files\/:name",status="404"/);
  expect(body).toContain('bascule_process_cpu_seconds_total');
  expect(body).not.toContain('olga');
});

test('readiness tells what does not answer', async () => {
  const lost = await startApi();
  expect((await lost.app.inject({ url: '/readyz' })).json()).toEqual({ status: 'ready' });
  lost.foundation.redis.disconnect();
  const response = await lost.app.inject({ url: '/readyz' });
  expect(response.json()).toMatchObject({ status: 503, detail: 'No answer from Redis.' });
  expect((await lost.app.inject({ url: '/healthz' })).statusCode).toBe(200);
  await lost.stop();
});

test('metrics tell of workers and quotas for all processes together', async () => {
  const headers = { authorization: `Bearer ${await api.token('viewer')}` };
  const { body } = await api.app.inject({ url: '/metrics', headers });
  expect(body).toMatch(/^bascule_worker_processes\{process="api"\} 0$/m);
  expect(body).toMatch(/^bascule_quota_limit\{quota="[^"]+",window="(second|minute|day)",process="api"\} \d+/m);
});

test('an answer that runs when the stop comes is still given, and the ledger is closed after it', async () => {
  const stopping = await startApi();
  const headers = { authorization: `Bearer ${await stopping.token('admin')}` };
  await stopping.app.listen({ host: '127.0.0.1', port: 0 });
  const url = await stopping.app.getUrl();
  const blocker = await stopping.foundation.ledger.pool.connect();
  await blocker.query('begin; lock table access_session in access exclusive mode');
  const answer = fetch(`${url}/v1/session`, { method: 'POST', headers });
  await vi.waitFor(async () => {
    const { rowCount } = await blocker.query(
      "select from pg_locks where not granted and relation = 'access_session'::regclass",
    );
    expect(rowCount).toBe(1);
  });
  const stopped = stopping.stop();
  // Whoever has work in hand lays it down first; then nobody new is let in.
  await vi.waitFor(() => expect(fetch(`${url}/healthz`)).rejects.toThrow(), { timeout: 10_000, interval: 20 });
  const since = performance.now();
  await blocker.query('commit');
  blocker.release();
  expect((await answer).status).toBe(200);
  await stopped;
  expect(performance.now() - since).toBeLessThan(4000);
});

test('somebody who watches the progress does not delay a stop', async () => {
  const stopping = await startApi();
  const headers = { authorization: `Bearer ${await stopping.token('operator')}` };
  const post = (url: string, payload: object) => stopping.app.inject({ method: 'POST', url, headers, payload });
  const document = readFileSync(
    join(stopping.foundation.config.projectFolder, 'config/blueprints/retailer.yaml'),
    'utf8',
  );
  const { name } = (await post('/v1/blueprints/check', { document })).json<{ name: string }>();
  await post('/v1/blueprints', { document });
  const created = await post('/v1/migrations', { name: 'watched', blueprint: name, selection: { kind: 'everyone' } });
  const { id } = created.json<{ id: string }>();
  await stopping.app.listen({ host: '127.0.0.1', port: 0 });
  const stream = await fetch(`${await stopping.app.getUrl()}/v1/migrations/${id}/progress/stream`, { headers });
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  let received = '';
  while (!received.includes('event: progress')) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) throw new Error('the stream ended without an event');
    received += value;
  }
  const since = performance.now();
  await stopping.stop();
  expect((await reader?.read())?.done).toBe(true);
  expect(performance.now() - since).toBeLessThan(4000);
});
