import { parseBlueprint } from '#libs/blueprint';
import { readBlueprintVersion, readMigration, type Ledger } from '#libs/ledger';
import type { MigrationId } from '#libs/vocabulary';

const migrationsKept = 64;

/**
 * The scopes to ask for in an employee's own token: those that the migration's blueprint uses, because Google refuses a
 * token whole when one of its scopes is not delegated. A running migration never changes its blueprint.
 */
export class EmployeeScopes {
  private readonly known = new Map<MigrationId, Promise<readonly string[] | undefined>>();

  constructor(private readonly ledger: Ledger) {}

  /** Undefined, which is all that Bascule can use, when the stored document does not pass this version's checks. */
  of(migrationId: MigrationId): Promise<readonly string[] | undefined> {
    const present = this.known.get(migrationId);
    if (present !== undefined) return present;
    if (this.known.size >= migrationsKept) this.known.clear();
    const read = this.read(migrationId);
    this.known.set(migrationId, read);
    read.catch(() => this.known.delete(migrationId));
    return read;
  }

  private async read(migrationId: MigrationId): Promise<readonly string[] | undefined> {
    const migration = await readMigration(this.ledger.db, migrationId);
    if (migration === undefined) return undefined;
    const document = await readBlueprintVersion(this.ledger.db, migration.blueprintId, migration.blueprintVersion);
    const parsed = parseBlueprint(document);
    return 'blueprint' in parsed ? parsed.blueprint.scopesNeeded.employee : undefined;
  }
}
