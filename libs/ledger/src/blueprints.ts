import { sql } from 'kysely';
import type { Database } from './open.js';

export interface BlueprintRow {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly createdAt: Date;
}

/** Stores a checked document as the next version of its blueprint; the same document again gives the same version. */
export async function storeBlueprint(
  db: Database,
  blueprint: { name: string; document: string; sha256: Uint8Array; actor: string },
): Promise<BlueprintRow> {
  const sha256 = Buffer.from(blueprint.sha256);
  return db.transaction().execute(async (tx) => {
    const { rows: named } = await sql<{ id: string }>`
      insert into blueprint (name) values (${blueprint.name})
      on conflict (name) do update set name = excluded.name returning id`.execute(tx);
    const id = named[0]?.id ?? null;
    const { rows } = await sql<BlueprintRow>`
      with latest as (
        select version, sha256 from blueprint_version where blueprint_id = ${id}::uuid order by version desc limit 1
      ), added as (
        insert into blueprint_version (blueprint_id, version, document, sha256, created_by)
        select ${id}::uuid, coalesce((select version from latest), 0) + 1, ${blueprint.document}, ${sha256}, ${blueprint.actor}
        where not exists (select from latest where latest.sha256 = ${sha256})
        returning version, created_at
      )
      select ${id}::uuid as id, ${blueprint.name}::text as name,
        coalesce((select version from added), (select version from latest)) as version,
        coalesce((select created_at from added), now()) as "createdAt"`.execute(tx);
    const [stored] = rows;
    if (stored === undefined) throw new Error('the ledger gave no blueprint');
    return stored;
  });
}

/** The newest version of every blueprint. */
export async function listBlueprints(db: Database): Promise<BlueprintRow[]> {
  const { rows } = await sql<BlueprintRow>`
    select distinct on (blueprint.id) blueprint.id, name, version, blueprint_version.created_at as "createdAt"
    from blueprint join blueprint_version on blueprint_id = blueprint.id
    order by blueprint.id, version desc`.execute(db);
  return rows;
}

/** Finds a blueprint by id or name; its newest version unless one is named. */
export async function findBlueprint(
  db: Database,
  idOrName: string,
  version?: number,
): Promise<BlueprintRow | undefined> {
  const { rows } = await sql<BlueprintRow>`
    select blueprint.id, name, version, blueprint_version.created_at as "createdAt"
    from blueprint join blueprint_version on blueprint_id = blueprint.id
    where (blueprint.id::text = ${idOrName} or name = ${idOrName})
      and (${version ?? null}::int is null or version = ${version ?? null})
    order by version desc limit 1`.execute(db);
  return rows[0];
}

export async function readBlueprintVersion(db: Database, id: string, version: number): Promise<string> {
  const { rows } = await sql<{ document: string }>`
    select document from blueprint_version where blueprint_id = ${id}::uuid and version = ${version}`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error(`blueprint ${id} has no version ${version}`);
  return row.document;
}
