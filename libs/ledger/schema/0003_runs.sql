-- A running migration: waves, enrolments, steps, batches, outcomes, counters.

create table wave (
  migration_id uuid not null references migration,
  number integer not null,
  name text not null,
  state text not null default 'pending',
  primary key (migration_id, number)
);

create table enrolment (
  id bigint generated always as identity primary key,
  migration_id uuid not null references migration,
  plan_id uuid not null references plan,
  employee_id uuid not null references employee,
  employee_version integer not null,
  wave integer not null,
  action text not null,
  state text not null,
  reason text,
  google_id text,
  -- Steps that hold nothing up while open: a licence that Google assigns by itself.
  soft_steps text[] not null default '{}',
  first_write_at timestamptz,
  -- Order of finishing, for the failure budget; null while something is left to run.
  finished_seq bigint,
  live boolean not null default true,
  unique (migration_id, employee_id)
) with (fillfactor = 80);
create unique index enrolment_live on enrolment (employee_id) where live;
create index enrolment_state on enrolment (migration_id, state, id);
create index enrolment_finished on enrolment (migration_id, finished_seq desc) where finished_seq is not null;
create sequence enrolment_finished_seq;

create table step (
  enrolment_id bigint not null references enrolment on delete cascade,
  step text not null,
  migration_id uuid not null,
  wave integer not null,
  state text not null,
  reason text,
  -- Prerequisites are done: the dispatcher may take it when due.
  ready boolean not null,
  due_at timestamptz not null default now(),
  deadline_at timestamptz,
  waiting_since timestamptz,
  attempts integer not null default 0,
  -- A write may have left without our knowing its effect: read before writing again.
  in_doubt boolean not null default false,
  batch_id bigint,
  facts jsonb,
  primary key (enrolment_id, step)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
-- The dispatcher's scan: due steps of one kind that no batch holds.
create index step_due on step (migration_id, step, due_at) where ready and batch_id is null;
create index step_batch on step (batch_id) where batch_id is not null;
create index step_problem on step (migration_id, state, reason) where state in ('failed', 'waiting');

-- What one job on a lane carries. A job is only a hint that names a batch; the lease is here.
create table batch (
  id bigint generated always as identity primary key,
  migration_id uuid not null references migration,
  lane text not null,
  kind text not null,
  size integer not null,
  state text not null default 'queued',
  fence integer not null default 0,
  leased_by text,
  lease_until timestamptz,
  created_at timestamptz not null default now(),
  offered_at timestamptz not null default now(),
  leased_at timestamptz,
  settled_at timestamptz
);
create index batch_open on batch (lane, state) where state in ('queued', 'leased');
create index batch_settled on batch (lane, settled_at desc) where state = 'settled';

-- Values that were there before our first write; rollback lives on them.
create table prior_value (
  enrolment_id bigint not null references enrolment on delete cascade,
  step text not null,
  google_id text,
  value jsonb not null,
  recorded_at timestamptz not null default now(),
  primary key (enrolment_id, step)
);

create table handover_secret (
  employee_id uuid primary key references employee,
  sealed bytea not null,
  created_at timestamptz not null default now()
);

-- Append-only.
create table event (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  kind text not null,
  migration_id uuid,
  employee_id uuid,
  step text,
  state text,
  reason text,
  actor text not null,
  detail jsonb
);
create index event_employee on event (employee_id, id) where employee_id is not null;
create index event_migration on event (migration_id, id) where employee_id is null;

-- One row per (migration, wave, step, state, reason, slot); step '' counts employees. A process adds to its own slot; a
-- reader sums the slots in one statement.
create table progress_counter (
  migration_id uuid not null,
  wave integer not null,
  step text not null,
  state text not null,
  reason text not null,
  slot smallint not null,
  count bigint not null,
  touched_at timestamptz not null default now(),
  primary key (migration_id, wave, step, state, reason, slot)
) with (fillfactor = 50);

create table rate_sample (
  migration_id uuid not null,
  at timestamptz not null default now(),
  finished bigint not null,
  calls bigint not null,
  quotas jsonb not null default '[]',
  primary key (migration_id, at)
);

create table governor_state (
  only_row boolean primary key default true check (only_row),
  state jsonb not null,
  saved_at timestamptz not null default now()
);

-- Google calls by method and result, added up by each process.
create table call_counter (
  migration_id uuid not null,
  method text not null,
  slot smallint not null,
  count bigint not null,
  primary key (migration_id, method, slot)
);

create table sweep (
  migration_id uuid not null references migration,
  kind text not null,
  last_started_at timestamptz,
  last_finished_at timestamptz,
  primary key (migration_id, kind)
);

-- Worker processes that are alive: their number sizes the lanes, their slot is where they count.
create table worker_process (
  name text primary key,
  slot smallint not null,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now()
);
