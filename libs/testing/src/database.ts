import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';
import { applySchema } from '#libs/ledger';
import { testServices } from './services.js';

/** A database of one test's own, with the ledger's schema and nothing in it. */
export interface TestDatabase {
  readonly url: string;
  /** Ends whatever connections are left and removes the database. */
  drop(): Promise<void>;
}

const schemaFolder = new URL('../../ledger/schema/', import.meta.url);

/**
 * Makes a database by cloning a template that has the ledger's schema. The template is made once for each state of the
 * schema files, by whichever test process comes first.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { databaseUrl } = await testServices();
  const name = `bascule_test_${randomBytes(8).toString('hex')}`;
  await administer(databaseUrl, async (client) => {
    const template = await readyTemplate(client, databaseUrl);
    await client.query(`create database ${name} template ${template}`);
  });
  return {
    url: databaseNamed(databaseUrl, name),
    drop: () =>
      administer(databaseUrl, async (client) => {
        await client.query(`drop database if exists ${name} with (force)`);
      }),
  };
}

function databaseNamed(url: string, name: string): string {
  const named = new URL(url);
  named.pathname = `/${name}`;
  return named.href;
}

async function administer(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function schemaHash(): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(schemaFolder).sort()) {
    hash.update(file).update(readFileSync(new URL(file, schemaFolder)));
  }
  return hash.digest('hex').slice(0, 16);
}

const templateLock = 7_204_616;

async function readyTemplate(client: pg.Client, url: string): Promise<string> {
  const template = `bascule_template_${schemaHash()}`;
  const isReady = async () =>
    (await client.query('select from pg_database where datname = $1', [template])).rowCount === 1;
  if (await isReady()) return template;
  await client.query('select pg_advisory_lock($1)', [templateLock]);
  try {
    if (!(await isReady())) {
      const unfinished = `${template}_unfinished`;
      await client.query(`drop database if exists ${unfinished} with (force)`);
      await client.query(`create database ${unfinished}`);
      await applySchema(databaseNamed(url, unfinished));
      await client.query(`alter database ${unfinished} rename to ${template}`);
    }
  } finally {
    await client.query('select pg_advisory_unlock($1)', [templateLock]);
  }
  return template;
}
