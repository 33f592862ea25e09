import { randomUUID } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { startDeployment, startSimulator, type TestDeployment, type TestSimulator } from '#libs/testing';
import { paleTexts, startBrowser } from './browser.js';

vi.setConfig({ testTimeout: 120_000 });
const patience = { timeout: 60_000 };

let simulator: TestSimulator;
let bascule: TestDeployment;
let browser: Browser;

beforeAll(async () => {
  simulator = await startSimulator();
  bascule = await startDeployment(simulator, { workers: 0 });
  browser = await startBrowser();
}, 120_000);
afterAll(async () => {
  await browser.close();
  await bascule.stop();
  await simulator.stop();
});

const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country';
const people = (count: number, status = 'ACTIVE') =>
  Array.from(
    { length: count },
    (_, at) => `${at + 1},Zoë,Müller,EMPLOYEE,${status},2020-01-01,${at < 10 ? 'FR' : 'DE'}`,
  );

const deliverySchema = z.looseObject({
  id: z.string(),
  state: z.string(),
  difference: z.looseObject({ fingerprint: z.string() }).nullable(),
  decision: z.looseObject({ verdict: z.string(), by: z.string(), note: z.string() }).nullable(),
});

async function push(source: string, rows: readonly string[], mode: 'full' | 'delta') {
  const headers = { 'content-type': 'text/csv', prefer: 'wait=60' };
  const path = `/v1/feeds/${source}/deliveries?mode=${mode}`;
  return deliverySchema.parse(await bascule.call('POST', path, [header, ...rows, ''].join('\n'), headers));
}

const deliveryOf = async (source: string, id: string) =>
  deliverySchema.parse(await bascule.call('GET', `/v1/feeds/${source}/deliveries/${id}`));

/** A source of a hundred people of whom sixty would leave at once. */
async function heldDelivery(source: string) {
  expect(await push(source, people(100), 'full')).toMatchObject({ state: 'done' });
  const held = await push(source, people(60, 'TERMINATED'), 'delta');
  expect(held.state).toBe('held');
  return { id: held.id, fingerprint: held.difference?.fingerprint ?? '' };
}

async function pageOf(role: 'viewer' | 'operator' | 'admin'): Promise<Page> {
  // A name that breaks nowhere: it must not push anything out of the side.
  const name = `${role} ${randomUUID().replaceAll('-', '')}`;
  const created = await bascule.call('POST', '/v1/tokens', { name, role });
  const { token } = z.looseObject({ token: z.string() }).parse(created);
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  await page.goto(bascule.address);
  await page.getByLabel('Access token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).press('Enter');
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  return page;
}

const articleOf = (page: Page, source: string) =>
  page.getByRole('region', { name: /Held deliveries/ }).getByRole('article', { name: source });

test('a viewer sees why a delivery is held, what it would change, since when, and the commands that decide', async () => {
  const { id, fingerprint } = await heldDelivery('seen');
  const later = bascule.call('POST', '/v1/feeds/seen/deliveries?mode=delta', [header, ...people(1), ''].join('\n'), {
    'content-type': 'text/csv',
  });
  const waiting = deliverySchema.parse(await later);
  const page = await pageOf('viewer');
  const article = articleOf(page, 'seen');
  await article.waitFor(patience);
  const text = await article.innerText();
  expect(text).toMatch(/Held since (\w+ )?\d\d:\d\d\. Later deliveries that wait for the same decision: 1/);
  expect(text).toContain('Too much: 60 people would leave, of 100 (limit 50)');
  expect(text).toContain('Too much: 50 people would leave in DE, of 90 (limit 20)');
  expect(text).toMatch(/Would leave, by country\s+DE 50, FR 10/);
  for (const verb of ['approve', 'reject']) expect(text).toContain(`bascule feed ${verb} seen ${id} ${fingerprint}`);
  expect(await page.getByRole('button').allInnerTexts()).toEqual(['Sign out']);
  await bascule.call('POST', `/v1/feeds/seen/deliveries/${id}/reject`, { fingerprint });
  await article.waitFor({ state: 'detached', ...patience });
  expect((await deliveryOf('seen', waiting.id)).state).not.toBe('held');
});

test('an admin approves with the keyboard, and only who confirms the fingerprint', async () => {
  const { id, fingerprint } = await heldDelivery('approved');
  const page = await pageOf('admin');
  const article = articleOf(page, 'approved');
  await article.getByRole('button', { name: 'Approve…' }).press('Enter');
  await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('confirmed');
  await page.keyboard.type('00000000');
  await page.keyboard.press('Enter');
  expect(await article.getByRole('alert').innerText()).toContain('not how the fingerprint begins');
  expect((await deliveryOf('approved', id)).state).toBe('held');
  await article.getByLabel('The first 8 characters').fill(fingerprint.slice(0, 8));
  await article.getByLabel('Why').fill('the store in Lille closes');
  await page.keyboard.press('Enter');
  await page.getByRole('status').filter({ hasText: 'The delivery is approved.' }).waitFor(patience);
  await article.waitFor({ state: 'detached', ...patience });
  await expect
    .poll(async () => deliveryOf('approved', id), patience)
    .toMatchObject({
      state: 'done',
      decision: { verdict: 'approved', by: expect.stringMatching(/^admin /), note: 'the store in Lille closes' },
    });
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('progress');
});

test('an operator may refuse and no more; what somebody else has decided meanwhile is said in words', async () => {
  const { id, fingerprint } = await heldDelivery('refused');
  const page = await pageOf('operator');
  const article = articleOf(page, 'refused');
  await article.getByRole('button', { name: 'Reject…' }).click();
  expect(await article.innerText()).toContain(`bascule feed approve refused ${id} ${fingerprint}`);
  expect(await article.getByRole('button').allInnerTexts()).toEqual(['Not now', 'Refuse it']);
  await article.getByLabel('The first 8 characters').fill(fingerprint.slice(0, 8));
  await bascule.call('POST', `/v1/feeds/refused/deliveries/${id}/reject`, { fingerprint, note: 'by command' });
  await article.getByRole('button', { name: 'Refuse it' }).click();
  await page.getByRole('status').filter({ hasText: 'This delivery is not held' }).waitFor(patience);
  expect(await deliveryOf('refused', id)).toMatchObject({ state: 'refused', decision: { note: 'by command' } });

  const again = await heldDelivery('again');
  const second = articleOf(page, 'again');
  await second.waitFor(patience);
  await second.getByRole('button', { name: 'Reject…' }).click();
  await second.getByLabel('The first 8 characters').fill(again.fingerprint.slice(0, 8));
  await second.getByRole('button', { name: 'Refuse it' }).click();
  await second.waitFor({ state: 'detached', ...patience });
  expect(await deliveryOf('again', again.id)).toMatchObject({ state: 'refused', decision: { verdict: 'rejected' } });
});

test('held deliveries can be read in the light and in the dark, on a phone and by a screen reader', async () => {
  await heldDelivery('looked-at');
  const page = await pageOf('admin');
  const article = articleOf(page, 'looked-at');
  await article.getByRole('button', { name: 'Approve…' }).click();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect({ colorScheme, pale: await paleTexts(page) }).toEqual({ colorScheme, pale: [] });
  }
  for (const width of [320, 375, 430]) {
    await page.setViewportSize({ width, height: 740 });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect({ width, overflow }).toEqual({ width, overflow: 0 });
  }
  for (const control of [...(await page.getByRole('button').all()), ...(await page.getByRole('textbox').all())]) {
    expect((await control.boundingBox())?.height ?? 0).toBeGreaterThanOrEqual(40);
  }
  const tree = await page.locator('body').ariaSnapshot();
  expect(tree).not.toMatch(/- (button|link|textbox|img|region|article|form)(:|$)/m);
  expect(await page.getByRole('status').allInnerTexts()).toContainEqual(expect.stringContaining('Held deliveries: 1'));
  const levels = await page.evaluate(() => [...document.querySelectorAll('h1,h2,h3')].map(({ tagName }) => tagName));
  expect(levels).toEqual(['H1', 'H2', 'H2', 'H3']);
});
