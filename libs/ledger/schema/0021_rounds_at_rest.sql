-- Looking after rounds costs what is open, and what went through within a day, however many there were before.
create index migration_rounds_open on migration (standing_id, created_at)
  where standing_id is not null and state in ('draft', 'planned', 'approved');
create index migration_rounds_started on migration (standing_id, started_at) where standing_id is not null;
