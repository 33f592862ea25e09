import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { startDeployment, startSimulator, type TestDeployment, type TestSimulator } from '#libs/testing';
import { hostsOf, paleTexts, startBrowser } from './browser.js';

/** Set by scripts/screenshot: a picture of the page in the middle of a larger run is written there. */
const pictureFile = process.env['BASCULE_SCREENSHOT'];
const people = pictureFile === undefined ? 150 : 400;
const patience = { timeout: 120_000 };
vi.setConfig({ testTimeout: 300_000 });
/** How many times faster than the real Google: for the picture less, so that the run has a middle. */
const timeScale = pictureFile === undefined ? 20 : 4;
const project = fileURLToPath(new URL('../../../', import.meta.url));

let simulator: TestSimulator;
let bascule: TestDeployment;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let hosts: Set<string>;
let migration: string;

const idSchema = z.looseObject({ id: z.string() });

async function createMigration(name: string, selection: object): Promise<string> {
  const body = { name, blueprint: 'Bascule Retail', selection };
  const { id } = idSchema.parse(await bascule.call('POST', '/v1/migrations', body));
  await bascule.call('POST', `/v1/migrations/${id}/plan`);
  await vi.waitFor(
    async () =>
      expect(await bascule.call('GET', `/v1/migrations/${id}/plan?limit=1`)).toMatchObject({ state: 'ready' }),
    { ...patience, interval: 200 },
  );
  await bascule.call('POST', `/v1/migrations/${id}/approve`, {});
  return id;
}

const migrationState = async () => {
  const progress = await bascule.call('GET', `/v1/migrations/${migration}/progress`);
  return z.looseObject({ migration: z.looseObject({ state: z.string() }) }).parse(progress).migration.state;
};

beforeAll(async () => {
  simulator = await startSimulator({
    profile: 'demo',
    timeScale,
    changes: { poison: { invalidInsert: ['000011', '000022'], calendarForbidden: ['000033'] } },
  });
  bascule = await startDeployment(simulator, { workers: 1, timeScale });
  const feed = execFileSync(process.execPath, ['scripts/generate-feed.mjs', '--employees', String(people)], {
    cwd: project,
    maxBuffer: 2 ** 26,
  });
  await bascule.call('POST', '/v1/feeds/hr/deliveries?mode=full', feed, {
    'content-type': 'text/csv',
    prefer: 'wait=60',
  });
  const document = readFileSync(`${project}config/blueprints/retailer.yaml`, 'utf8');
  await bascule.call('POST', '/v1/blueprints', { document });
  migration = await createMigration('The big move', { kind: 'everyone' });
  browser = await startBrowser();
  context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
  });
  hosts = hostsOf(context);
  page = await context.newPage();
}, 180_000);

afterAll(async () => {
  await browser.close();
  await bascule.stop();
  await simulator.stop();
});

const figure = async (name: string) => Number((await page.getByTestId(name).innerText()).replaceAll(',', ''));

async function signIn(on: Page, token: string): Promise<void> {
  await on.goto(bascule.address);
  await on.getByLabel('Access token').fill(token);
  await on.getByRole('button', { name: 'Sign in' }).press('Enter');
}

async function tokenOf(role: string): Promise<string> {
  const created = await bascule.call('POST', '/v1/tokens', { name: `${role} at the page`, role });
  return z.looseObject({ token: z.string() }).parse(created).token;
}

test('a wrong token is refused in words, and the right one opens the page without leaving a trace for scripts', async () => {
  await signIn(page, 'bsc_wrong');
  expect(await page.getByRole('alert').innerText()).toContain('unknown or revoked');
  await page.getByLabel('Access token').fill(bascule.token);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'The big move' }).waitFor();
  expect(page.url()).not.toContain('bsc_');
  const readable = await page.evaluate(() =>
    JSON.stringify([document.cookie, localStorage.length, sessionStorage.length]),
  );
  expect(readable).toBe('["",0,0]');
  const cookies = await context.cookies();
  expect(cookies).toMatchObject([{ name: 'bascule_session', httpOnly: true, sameSite: 'Strict' }]);
});

test('the start is a button that the keyboard reaches, and from there the figures move without a reload', async () => {
  await page.evaluate(() => Object.assign(window, { sameDocument: true }));
  const start = page.getByRole('button', { name: 'Start', exact: true });
  await start.waitFor();
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press('Tab');
    if (await start.evaluate((button) => button === document.activeElement)) break;
  }
  await page.keyboard.press('Enter');
  await page.locator('.badge', { hasText: 'Running' }).waitFor();
  await expect.poll(() => figure('done'), patience).toBeGreaterThan(0);
  const before = await figure('done');
  await expect.poll(() => figure('done'), patience).toBeGreaterThan(before);
  expect(await page.evaluate(() => 'sameDocument' in window)).toBe(true);
  const shown = await Promise.all(
    ['done', 'inProgress', 'waiting', 'pending', 'failed', 'conflict', 'skipped'].map((name) =>
      figure(`people-${name}`),
    ),
  );
  expect(shown.reduce((sum, count) => sum + count, 0)).toBe(people);
});

test('an estimate stands there with its range while it runs', async () => {
  await expect
    .poll(() => page.getByTestId('eta').innerText(), patience)
    .toMatch(/Finishes\s+(\w+ )?\d\d:\d\d\s+in .+; .*\d\d:\d\d to .*\d\d:\d\d/);
});

test('a pause is shown with its cause and what to do, and can be ended on the spot', async () => {
  await page.getByRole('button', { name: 'Pause' }).click();
  const cause = page.getByRole('alert');
  await cause.waitFor();
  expect(await cause.innerText()).toMatch(
    /Paus(ed|ing) since \d\d:\d\d: Paused by admin\. Resume when you are ready\./,
  );
  expect(await page.getByTestId('eta').innerText()).toContain('The migration is paused.');
  await page.getByRole('button', { name: 'Resume' }).click();
  await cause.waitFor({ state: 'detached' });
  await expect.poll(migrationState, patience).toBe('running');
});

test('a failure stands there with its remedy, and whom it concerns', async () => {
  const failures = page.getByRole('region', { name: /Needs you/ });
  await failures.getByText('Correct the record in HR or the blueprint’s template, then retry.').waitFor(patience);
  const invalid = failures.getByRole('listitem').filter({ hasText: 'Invalid field' });
  await invalid.getByText('Who?').click();
  await expect.poll(() => invalid.innerText(), patience).toMatch(/0000(11|22)/);
});

test.runIf(pictureFile !== undefined)('a picture is taken in the middle of the run', async () => {
  const gmail = page.getByRole('listitem').filter({ hasText: 'Gmail settings' });
  const done = async () => Number.parseInt((await gmail.locator('.row-figure').innerText()).replaceAll(',', ''), 10);
  await expect.poll(done, { timeout: 240_000 }).toBeGreaterThan(people / 3);
  const file = `${project}${pictureFile}`;
  await page.screenshot({ path: file, fullPage: true });
});

test('every text has enough contrast, in the light and in the dark', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect({ colorScheme, pale: await paleTexts(page) }).toEqual({ colorScheme, pale: [] });
  }
  await page.emulateMedia({ colorScheme: 'light' });
});

test('on a phone nothing runs out of the side, and fingers hit the buttons', async () => {
  for (const width of [320, 375, 430]) {
    await page.setViewportSize({ width, height: 740 });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect({ width, overflow }).toEqual({ width, overflow: 0 });
  }
  for (const button of await page.getByRole('button').all()) {
    expect((await button.boundingBox())?.height ?? 0).toBeGreaterThanOrEqual(40);
  }
  await page.setViewportSize({ width: 1280, height: 900 });
});

test('everything has a name, headings follow each other, and progress is told to screen readers politely', async () => {
  const tree = await page.locator('body').ariaSnapshot();
  expect(tree).not.toMatch(/- (button|link|textbox|img|region)(:|$)/m);
  const levels = await page.evaluate(() => [...document.querySelectorAll('h1,h2,h3')].map(({ tagName }) => tagName));
  expect(levels[0]).toBe('H1');
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('en');
  await expect.poll(() => page.locator('[aria-live=polite]').first().innerText(), patience).toMatch(/\d+ %/);
});

test('when the API goes away the page says so, and goes on by itself when it is back', async () => {
  const { startAgain } = await bascule.killApi();
  await expect.poll(() => page.getByTestId('live').innerText(), patience).toBe('Reconnecting…');
  await startAgain();
  await expect.poll(() => page.getByTestId('live').innerText(), patience).toBe('Live');
  expect(await page.evaluate(() => 'sameDocument' in window)).toBe(true);
});

test('the end is told in words: who failed stays open, and the percent does not claim them', async () => {
  await page.locator('.badge', { hasText: 'Completed, with issues' }).waitFor({ timeout: 240_000 });
  await expect.poll(() => figure('needs'), patience).toBe(3);
  expect(await figure('done')).toBe(people - 3);
  expect(await figure('percent')).toBe(Math.floor((100 * (people - 3)) / people));
});

test('a viewer sees everything and has no button to move anything', async () => {
  const other = await browser.newContext();
  const view = await other.newPage();
  await signIn(view, await tokenOf('viewer'));
  await view.getByRole('heading', { name: 'The big move' }).waitFor();
  await view.getByText('Correct the record in HR').waitFor();
  expect(await view.getByRole('button').allInnerTexts()).toEqual(['Sign out']);
  await other.close();
});

test('a session that ends elsewhere ends the page', async () => {
  const other = await browser.newContext();
  const view = await other.newPage();
  await signIn(view, await tokenOf('operator'));
  await view.getByRole('heading', { name: 'The big move' }).waitFor();
  await other.clearCookies();
  const { startAgain } = await bascule.killApi();
  await startAgain();
  await view.getByText('Your session has ended').waitFor(patience);
  await other.close();
});

test('after signing out nothing is left of the session, and no other host was ever asked', async () => {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Access token').waitFor();
  expect(await context.cookies()).toEqual([]);
  expect((await page.request.get(`${bascule.address}/v1/session`)).status()).toBe(401);
  await page.goto(bascule.address);
  await page.getByLabel('Access token').waitFor();
  expect([...hosts]).toEqual([new URL(bascule.address).host]);
});
