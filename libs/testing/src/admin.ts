import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { desiredAccountSchema, employeeStates, stepStates } from '#libs/vocabulary';
import { smallBlueprint } from './blueprints.js';
import type { TestDeployment } from './deployment.js';
import { ndjson, type FeedRow } from './people.js';

const countsOf = <Word extends string>(words: readonly Word[]) => z.record(z.enum(words), z.number());

const deliverySchema = z.looseObject({
  state: z.string(),
  cause: z.string().nullable(),
  rows: z.record(z.string(), z.number()),
});

const planSchema = z.looseObject({
  state: z.string(),
  cause: z.string().nullable(),
  needsAcceptance: z.array(z.string()),
  summary: z
    .looseObject({ total: z.number(), actions: z.record(z.string(), z.number()), seatsNeeded: z.number() })
    .nullable(),
});
export type TestPlan = z.infer<typeof planSchema>;

const planItemSchema = z.looseObject({
  employeeId: z.string(),
  employeeNumber: z.string(),
  action: z.string(),
  reason: z.string().nullable(),
  address: z.string().nullable(),
  desired: desiredAccountSchema.nullable(),
});
/** What a plan says of one employee. */
export type TestPlanItem = z.infer<typeof planItemSchema>;

const progressSchema = z.looseObject({
  migration: z.looseObject({
    state: z.string(),
    cause: z.looseObject({ reason: z.string(), whatToDo: z.string() }).nullable(),
  }),
  employees: countsOf([...employeeStates, 'total']),
  percent: z.number(),
  steps: z.array(countsOf(stepStates).and(z.looseObject({ step: z.string() }))),
  waves: z.array(z.looseObject({ wave: z.number(), state: z.string(), total: z.number() })),
  quotas: z.array(z.looseObject({ quota: z.string(), used: z.number(), rejected: z.number() })),
  failures: z.array(z.looseObject({ reason: z.string(), step: z.string(), count: z.number() })),
});
export type TestProgress = z.infer<typeof progressSchema>;

const reportSchema = z.array(
  z.looseObject({
    employeeNumber: z.string(),
    state: z.string(),
    reason: z.string(),
    step: z.string(),
    address: z.string(),
  }),
);
export type TestReport = z.infer<typeof reportSchema>;

const roundsSchema = z.object({
  rounds: z.array(
    z.looseObject({ id: z.string(), state: z.string(), heldBecause: z.string().nullable(), people: z.number() }),
  ),
});
export type TestRound = z.infer<typeof roundsSchema>['rounds'][number];

const idSchema = z.looseObject({ id: z.string() });
const itemsSchema = z.looseObject({ items: z.array(planItemSchema), cursor: z.string().nullable() });

const pollMs = 100;
const patienceMs = 240_000;

/** Sees every progress document that is asked for, and may act on it before the next one. */
type Look = (progress: TestProgress) => void | Promise<void>;

/** States in which nothing goes on by itself any more. */
export const restingStates = ['completed', 'completedWithIssues', 'paused', 'cancelled'] as const;

export interface MigrationRequest {
  readonly name?: string;
  readonly blueprint?: string;
  readonly selection?: Readonly<Record<string, unknown>>;
  readonly failureBudget?: Readonly<Record<string, number>>;
}

/** What HR and an admin do with a Bascule, over its API, and what they see. */
export class TestAdmin {
  constructor(private readonly bascule: Pick<TestDeployment, 'call'>) {}

  /** Pushes rows (or a CSV text) as HR does and gives the delivery's outcome. */
  async pushFeed(feed: readonly FeedRow[] | string, mode: 'full' | 'delta' = 'full') {
    const csv = typeof feed === 'string';
    const delivery = await this.bascule.call(
      'POST',
      `/v1/feeds/hr/deliveries?mode=${mode}`,
      csv ? feed : ndjson(feed),
      {
        'content-type': csv ? 'text/csv' : 'application/x-ndjson',
        prefer: 'wait=60',
      },
    );
    return deliverySchema.parse(delivery);
  }

  async pushBlueprint(document = smallBlueprint): Promise<void> {
    await this.bascule.call('POST', '/v1/blueprints', { document });
  }

  async create(request: MigrationRequest = {}): Promise<string> {
    const body = { name: 'The big move', blueprint: 'Small company', ...request };
    return idSchema.parse(await this.bascule.call('POST', '/v1/migrations', body)).id;
  }

  /** Plans and waits until the plan stands or is refused. */
  async plan(id: string): Promise<TestPlan> {
    await this.bascule.call('POST', `/v1/migrations/${id}/plan`);
    return until('the plan', async () => {
      const plan = planSchema.parse(await this.bascule.call('GET', `/v1/migrations/${id}/plan?limit=1`));
      return plan.state === 'computing' ? undefined : plan;
    });
  }

  /** Every employee of the latest plan. */
  async planItems(id: string): Promise<TestPlanItem[]> {
    const items: TestPlanItem[] = [];
    let cursor = '';
    for (;;) {
      const answer = await this.bascule.call('GET', `/v1/migrations/${id}/plan?limit=1000${cursor}`);
      const page = itemsSchema.parse(answer);
      items.push(...page.items);
      if (page.cursor === null) return items;
      cursor = `&cursor=${page.cursor}`;
    }
  }

  async act(id: string, verb: 'approve' | 'start' | 'pause' | 'resume' | 'cancel'): Promise<void> {
    await this.bascule.call('POST', `/v1/migrations/${id}/${verb}`, verb === 'approve' ? {} : undefined);
  }

  async retry(id: string, filter: { reason?: string; step?: string } = {}): Promise<number> {
    const answer = await this.bascule.call('POST', `/v1/migrations/${id}/retry`, filter);
    return z.object({ reopened: z.number() }).parse(answer).reopened;
  }

  /** Creates, plans, approves and starts a migration; gives its id. */
  async launch(request: MigrationRequest = {}): Promise<string> {
    const id = await this.create(request);
    const plan = await this.plan(id);
    if (plan.state !== 'ready') throw new Error(`the plan is ${plan.state}: ${plan.cause}`);
    await this.act(id, 'approve');
    await this.act(id, 'start');
    return id;
  }

  /** Makes a started migration stand; rounds come every second. */
  async stand(id: string, guard: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.bascule.call('POST', `/v1/migrations/${id}/stand`, { everySeconds: 1, guard });
  }

  /** Rounds of a standing migration, newest first. */
  async rounds(id: string): Promise<TestRound[]> {
    return roundsSchema.parse(await this.bascule.call('GET', `/v1/migrations/${id}/rounds`)).rounds;
  }

  /** Waits until there are so many rounds and the newest is through with its people, or waits for a person. */
  async untilRound(id: string, count: number, end: 'completed' | 'completedWithIssues' | 'held'): Promise<TestRound> {
    return until(`round ${count} ${end}`, async () => {
      const rounds = await this.rounds(id);
      const [newest] = rounds;
      if (newest === undefined || rounds.length !== count) return undefined;
      const state = newest.state === 'planned' && newest.heldBecause !== null ? 'held' : newest.state;
      return state === end ? newest : undefined;
    });
  }

  async progress(id: string): Promise<TestProgress> {
    return progressSchema.parse(await this.bascule.call('GET', `/v1/migrations/${id}/progress`));
  }

  /** A line an employee. */
  async report(id: string): Promise<TestReport> {
    return reportSchema.parse(await this.bascule.call('GET', `/v1/migrations/${id}/report?format=json`));
  }

  /** Waits until the migration's progress is as wanted; `look` sees every progress document on the way. */
  async untilProgress(
    id: string,
    wanted: (progress: TestProgress) => boolean,
    look: Look = () => undefined,
  ): Promise<TestProgress> {
    return until('the wanted progress', async () => {
      const progress = await this.progress(id);
      await look(progress);
      return wanted(progress) ? progress : undefined;
    });
  }

  /** Waits until nothing goes on any more. */
  untilRest(id: string, look?: Look): Promise<TestProgress> {
    const resting: readonly string[] = restingStates;
    return this.untilProgress(id, ({ migration }) => resting.includes(migration.state), look);
  }
}

/** Asks again and again until there is an answer, for at most some minutes. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(pollMs);
  }
  throw new Error(`${what} did not come within ${patienceMs / 1_000} s`);
}
