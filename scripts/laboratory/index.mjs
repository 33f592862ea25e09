// A simulated Google and a whole Bascule as processes of their own, for the demo and for measurements.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, openAsBlob, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { dyingWithUs, freePort, stopProcess } from '../services/processes.mjs';

export { cpuSeconds, machineTicks, peakMegabytes, shareIdle } from './spending.mjs';

const words = (options) => Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);

/** A folder of its own, and the processes that were started for it; they end with it. */
export class Laboratory {
  children = [];

  constructor(home) {
    this.home = home;
    this.keyFile = `${home}/service-account.json`;
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home, { recursive: true });
  }

  launch(args, environment = {}) {
    const [command, ...rest] = [...dyingWithUs('TERM'), process.execPath, ...args];
    const env = { ...process.env, ...environment };
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'], env });
    this.children.push(child);
    return child;
  }

  async firstLine(child, name) {
    for await (const line of createInterface({ input: child.stdout })) {
      child.stdout.resume();
      return line;
    }
    throw new Error(`${name} ended before it was ready`);
  }

  /** Runs a program to its end and gives back what it printed. */
  async output(args) {
    const child = this.launch(args);
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    const [code] = await once(child, 'close');
    this.children = this.children.filter((other) => other !== child);
    if (code !== 0) throw new Error(`${args[0]} ended with ${code}`);
    return Buffer.concat(chunks).toString();
  }

  /** Starts a simulated Workspace: a profile of config/simulator, with `changes` merged over it one level deep. */
  async startSimulator({ profile, timeScale, seed = 1, changes = {} }) {
    const document = parse(readFileSync(`config/simulator/${profile}.yaml`, 'utf8'));
    for (const [key, value] of Object.entries(changes)) document[key] = { ...document[key], ...value };
    writeFileSync(`${this.home}/profile.yaml`, stringify(document));
    const options = { profile: `${this.home}/profile.yaml`, 'time-scale': timeScale, seed, 'key-file': this.keyFile };
    this.simulator = this.launch(['dist/apps/simulator/src/main.js', ...words(options)]);
    this.apiRoot = JSON.parse(await this.firstLine(this.simulator, 'the simulator')).apiRoot;
    return document;
  }

  /** What the simulated Google counted; with `collect` its memory is that after a garbage collection. */
  async stats({ collect = false } = {}) {
    return (await fetch(`${this.apiRoot}/_simulator/stats${collect ? '?collect' : ''}`)).json();
  }

  /** Starts Bascule against it; `quotas` is merged over the shipped document. */
  async startBascule({ workers, quotas, admins = 2, environment = {} }) {
    writeFileSync(`${this.home}/quotas.yaml`, stringify(quotas));
    const subjects = Array.from({ length: admins }, (_, index) => `admin${index + 1}@bascule-retail.example`);
    this.bascule = this.launch(['scripts/start.mjs', '--workers', String(workers), '--folder', this.home], {
      BASCULE_GOOGLE_API_ROOT: this.apiRoot,
      BASCULE_GOOGLE_CREDENTIALS: this.keyFile,
      BASCULE_GOOGLE_ADMINS: subjects.join(','),
      BASCULE_GOOGLE_CANARY: 'admin@bascule-retail.example',
      BASCULE_QUOTAS: `${this.home}/quotas.yaml`,
      BASCULE_DATABASE_URL: '',
      BASCULE_REDIS_URL: '',
      BASCULE_BOOTSTRAP_TOKEN: '',
      BASCULE_PORT: String(await freePort()),
      ...environment,
    });
    this.address = /http:[^ ]+/.exec(await this.firstLine(this.bascule, 'Bascule'))[0];
    this.token = readFileSync(`${this.home}/admin-token`, 'utf8').trim();
  }

  /** Ends Bascule; the simulated Google stays. */
  async stopBascule() {
    await stopProcess(this.bascule, 'SIGTERM', 60_000);
  }

  /** One request to the API as the admin. */
  async call(method, path, body, headers = {}) {
    const authorization = `Bearer ${this.token}`;
    const response = await fetch(`${this.address}${path}`, {
      method,
      headers: { authorization, ...headers },
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  post(path, body = {}) {
    return this.call('POST', path, JSON.stringify(body), { 'content-type': 'application/json' });
  }

  /** Writes a generated company's feed; returns the file. */
  async makeFeed(employees, seed = 1) {
    const file = `${this.home}/feed.csv`;
    const generator = spawn(process.execPath, ['scripts/generate-feed.mjs', ...words({ employees, seed })]);
    const written = createWriteStream(file);
    generator.stdout.pipe(written);
    await once(written, 'close');
    return file;
  }

  /** Pushes a generated company as HR would, and waits until it is applied. */
  async pushFeed(employees) {
    const feed = await openAsBlob(await this.makeFeed(employees));
    const headers = { 'content-type': 'text/csv', prefer: 'wait=300' };
    let delivery = await this.call('POST', '/v1/feeds/hr/deliveries?mode=full', feed, headers);
    while (!['done', 'refused'].includes(delivery.state)) {
      await sleep(500);
      delivery = await this.call('GET', `/v1/feeds/hr/deliveries/${delivery.id}`);
    }
    if (delivery.state !== 'done') throw new Error(`the delivery is ${delivery.state}: ${delivery.cause}`);
  }

  /** Blueprint, migration and plan; returns the migration's id, ready to be approved. */
  async plan() {
    const document = readFileSync('config/blueprints/retailer.yaml', 'utf8');
    const { name } = await this.post('/v1/blueprints', { document });
    const { id } = await this.post('/v1/migrations', { name: 'Bench', blueprint: name });
    await this.post(`/v1/migrations/${id}/plan`);
    for (;;) {
      const plan = await this.call('GET', `/v1/migrations/${id}/plan?limit=1`);
      if (plan.state === 'ready') return id;
      if (plan.state !== 'computing') throw new Error(`the plan is ${plan.state}: ${plan.cause}`);
      await sleep(500);
    }
  }

  async begin(id) {
    await this.post(`/v1/migrations/${id}/approve`);
    await this.post(`/v1/migrations/${id}/start`);
  }

  /** Looks at the progress every second until `enough` says so; returns the last look. */
  async watch(id, enough) {
    for (;;) {
      const progress = await this.call('GET', `/v1/migrations/${id}/progress`);
      if (await enough(progress)) return progress;
      await sleep(1_000);
    }
  }

  /** Everybody of the plan, page by page. */
  async *planned(id) {
    let cursor = '';
    do {
      const page = await this.call('GET', `/v1/migrations/${id}/plan?limit=1000${cursor}`);
      yield* page.items;
      cursor = page.cursor === null ? '' : `&cursor=${page.cursor}`;
    } while (cursor !== '');
  }

  async stop() {
    for (const child of this.children.toReversed()) await stopProcess(child, 'SIGTERM', 60_000);
  }
}
