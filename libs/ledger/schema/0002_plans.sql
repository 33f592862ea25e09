-- What Google showed when it was last listed, and the plans made from it.

create table directory_listing (
  id uuid primary key default gen_random_uuid(),
  state text not null default 'reading',
  cause text,
  accounts integer not null default 0,
  started_at timestamptz not null default now(),
  finished_at timestamptz
);

create table observed_account (
  listing_id uuid not null references directory_listing on delete cascade,
  google_id text not null,
  primary_email text not null,
  mark uuid,
  employee_number text,
  is_admin boolean not null,
  account jsonb not null,
  primary key (listing_id, google_id)
);
create index observed_account_mark on observed_account (listing_id, mark) where mark is not null;
create index observed_account_number on observed_account (listing_id, employee_number) where employee_number is not null;

-- Every address that is held by something at Google: user, alias, group, deleted, unmanaged.
create table observed_address (
  listing_id uuid not null references directory_listing on delete cascade,
  address text not null,
  held_by text not null,
  google_id text,
  primary key (listing_id, address, held_by)
);

create table observed_membership (
  listing_id uuid not null references directory_listing on delete cascade,
  group_email text not null,
  google_id text not null,
  primary key (listing_id, google_id, group_email)
);

create table migration (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  blueprint_id uuid not null,
  blueprint_version integer not null,
  -- {kind: everyone} | {kind: condition, condition} | {kind: list, employeeNumbers}
  selection jsonb not null,
  -- {sameReasonInARow, sameReasonShare, shareWindow}
  failure_budget jsonb not null,
  state text not null default 'draft',
  cause_reason text,
  cause_detail text,
  cause_since timestamptz,
  plan_id uuid,
  approved_by text,
  approved_at timestamptz,
  -- Employees finished before this number do not count against the failure budget: set anew by resume.
  budget_from bigint not null default 0,
  created_by text not null,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  last_outcome_at timestamptz,
  foreign key (blueprint_id, blueprint_version) references blueprint_version
);

create table plan (
  id uuid primary key default gen_random_uuid(),
  migration_id uuid not null references migration,
  blueprint_version integer not null,
  listing_id uuid,
  state text not null default 'computing',
  cause text,
  -- {actions, reasons, examples, price, seats, warnings}
  summary jsonb,
  -- An admin's word where Google would not tell (unmanaged accounts not listable).
  accepted_unknowns text[] not null default '{}',
  needs_acceptance text[] not null default '{}',
  sha256 bytea,
  created_by text not null,
  created_at timestamptz not null default now(),
  finished_at timestamptz
);
create index plan_migration on plan (migration_id, created_at);

create table plan_item (
  plan_id uuid not null references plan on delete cascade,
  employee_id uuid not null references employee,
  employee_version integer not null,
  wave integer not null default 1,
  action text not null,
  reason text,
  google_id text,
  matched_by text,
  address text,
  steps text[] not null default '{}',
  changes jsonb not null default '[]',
  desired jsonb,
  primary key (plan_id, employee_id)
);
create index plan_item_action on plan_item (plan_id, action, employee_id);

-- Org units, groups and calendars: listed by name, approved with the plan, done once, parents first.
create table shared_action (
  id bigint generated always as identity primary key,
  plan_id uuid not null references plan on delete cascade,
  kind text not null,
  key text not null,
  position integer not null,
  desired jsonb not null,
  action text not null,
  state text not null default 'pending',
  reason text,
  attempts integer not null default 0,
  google_id text,
  due_at timestamptz not null default now(),
  confirmed_at timestamptz,
  unique (plan_id, kind, key)
);

-- Unique on the lower-cased address: tentative with a plan, issued for good at start, never given to another person.
create table address_reservation (
  address text primary key check (address = lower(address)),
  employee_id uuid not null references employee,
  kind text not null,
  plan_id uuid,
  state text not null,
  reserved_at timestamptz not null default now(),
  issued_at timestamptz
);
create index address_reservation_employee on address_reservation (employee_id);
create index address_reservation_plan on address_reservation (plan_id) where state = 'tentative';

-- An admin's list: this employee is that account.
create table adoption (
  employee_id uuid primary key references employee,
  account text not null,
  named_by text not null,
  named_at timestamptz not null default now()
);

-- The account that we made or took over; the ledger says which of the two.
create table account (
  employee_id uuid primary key references employee,
  google_id text not null unique,
  primary_email text not null,
  origin text not null,
  -- Planning believes the ledger over a listing within Google's lag after this.
  written_at timestamptz,
  -- Hashes of the settings that were confirmed, so that planning needs no read a person.
  gmail_hash text,
  calendar_hash text,
  created_at timestamptz not null default now()
);
