-- Deployment, access, feeds, employees, blueprints. States and reasons are text, parsed against the vocabulary when read:
-- a new step or reason is not a schema change.

create table deployment (
  only_row boolean primary key default true check (only_row),
  google_customer_id text,
  canary_address text,
  created_at timestamptz not null default now()
);
insert into deployment default values;

create table access_token (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  role text not null,
  token_hash bytea not null unique,
  created_at timestamptz not null default now(),
  created_by text not null,
  revoked_at timestamptz
);

-- A delivery is recorded whole before it is answered; its rows are answered one by one.
create table feed_delivery (
  id uuid primary key default gen_random_uuid(),
  sequence bigint generated always as identity,
  source text not null,
  mode text not null,
  media_type text not null,
  content_encoding text,
  idempotency_key text,
  payload_sha256 bytea,
  payload_bytes bigint,
  state text not null default 'received',
  cause text,
  rows_total integer not null default 0,
  rows_new integer not null default 0,
  rows_updated integer not null default 0,
  rows_unchanged integer not null default 0,
  rows_rejected integer not null default 0,
  rows_leaver integer not null default 0,
  rows_absent integer not null default 0,
  received_by text not null,
  received_at timestamptz not null default now(),
  finished_at timestamptz,
  unique (source, idempotency_key)
);

-- The bytes of a delivery, in pieces: an answered delivery survives the loss of the API's disk.
create table feed_payload (
  delivery_id uuid not null references feed_delivery on delete cascade,
  piece integer not null,
  bytes bytea not null,
  primary key (delivery_id, piece)
);

create table feed_row (
  delivery_id uuid not null references feed_delivery on delete cascade,
  -- Rows are counted from 1; a row may span several lines.
  row integer not null,
  line integer not null,
  employee_number text,
  outcome text not null,
  -- [{field, reason, message}]
  problems jsonb not null default '[]',
  primary key (delivery_id, row)
);
create index feed_row_outcome on feed_row (delivery_id, outcome, row);

create table employee (
  id uuid primary key default gen_random_uuid(),
  source text not null,
  employee_number text not null,
  version integer not null,
  fingerprint bytea not null,
  status text not null,
  last_delivery bigint not null,
  absent_since timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (source, employee_number)
);
create index employee_number on employee (employee_number);

-- Every version of a record, so that a plan can pin the one it was made from.
create table employee_version (
  employee_id uuid not null references employee on delete cascade,
  version integer not null,
  record jsonb not null,
  delivery_id uuid references feed_delivery,
  recorded_at timestamptz not null default now(),
  primary key (employee_id, version)
);

-- What the service desk searches: names without accents, numbers, addresses; kept by the intake, set-wise.
create table employee_search (
  employee_id uuid primary key references employee on delete cascade,
  folded_name text not null,
  addresses text[] not null default '{}'
);
create index employee_search_name on employee_search (folded_name text_pattern_ops);
create index employee_search_addresses on employee_search using gin (addresses);

create table blueprint (
  id uuid primary key default gen_random_uuid(),
  name text not null unique,
  created_at timestamptz not null default now()
);

create table blueprint_version (
  blueprint_id uuid not null references blueprint,
  version integer not null,
  document text not null,
  sha256 bytea not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (blueprint_id, version)
);
