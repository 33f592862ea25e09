-- A full delivery names its population; each delivery has a time from which it is true; what would change too much is held.
alter table feed_delivery
  -- '' is the whole source.
  add column population text not null default '',
  -- The default is for processes of the version before, which run on while this one starts.
  add column effective_at timestamptz default now(),
  add column rows_older integer not null default 0,
  -- What it would change or has changed, as the guard counts it.
  add column difference jsonb,
  add column decision text,
  add column decided_by text,
  add column decided_at timestamptz,
  add column decision_note text;
update feed_delivery set effective_at = received_at;

drop index feed_delivery_unfinished;
create index feed_delivery_unfinished on feed_delivery (source, received_at, sequence)
  where state in ('received', 'checking', 'applying', 'held');
create index feed_delivery_recent on feed_delivery (source, finished_at) where state = 'done';

alter table employee
  add column country text,
  -- The population of the last full delivery that named the person; null when none ever did.
  add column population text,
  -- From when the record is true: an older delivery does not overwrite it.
  add column effective_at timestamptz;
update employee set country = record ->> 'country', effective_at = updated_at
from employee_version where employee_id = id and employee_version.version = employee.version;
update employee set population = '' where exists (
  select from feed_delivery where feed_delivery.source = employee.source and mode = 'full' and state = 'done');
alter table employee alter column country set not null, alter column effective_at set not null;

-- The newest full delivery of each population: what the next one is compared with.
create table feed_population (
  source text not null,
  population text not null,
  effective_at timestamptz not null,
  rows integer not null,
  primary key (source, population)
);
insert into feed_population
select distinct on (source) source, '', effective_at, rows_total from feed_delivery
where mode = 'full' and state = 'done' order by source, received_at desc;

-- Whom a held delivery would change, and how: what a person looks at before they decide.
create table feed_difference (
  delivery_id uuid not null references feed_delivery on delete cascade,
  measure text not null,
  employee_number text not null,
  country text not null,
  before text not null,
  after text not null,
  primary key (delivery_id, measure, employee_number)
);
