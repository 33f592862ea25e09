-- A migration that stands keeps watching its people after the big move. Its work comes in rounds, each a migration of its own.
create table standing (
  migration_id uuid primary key references migration,
  is_on boolean not null default true,
  -- {everySeconds, guard: {create, suspend, change, licence}}
  settings jsonb not null,
  -- The standing rule lets small rounds through in this person's name.
  switched_by text not null,
  switched_at timestamptz not null default now(),
  checked_at timestamptz not null default '-infinity'
);

alter table migration
  -- The standing migration of which this one is a round.
  add column standing_id uuid references standing,
  -- Why a round waits for approval; null for all that the standing rule lets through.
  add column held_because text;
create index migration_rounds on migration (standing_id, created_at desc) where standing_id is not null;

-- Whom a round is for: chosen when it is made, so that nobody is in two.
create table round_member (
  migration_id uuid not null references migration,
  employee_id uuid not null references employee,
  primary key (migration_id, employee_id)
);
create index round_member_employee on round_member (employee_id);

-- The version of each person's record that a standing migration has dealt with, and the next day on which the same record
-- asks for another account.
create table standing_person (
  standing_id uuid not null references standing,
  employee_id uuid not null references employee,
  version integer not null,
  look_on date,
  primary key (standing_id, employee_id)
);
create index standing_person_look on standing_person (standing_id, look_on) where look_on is not null;
