-- Where to tell what happened, and what is still to be told: written in the transaction of what it tells.
create table webhook_endpoint (
  id uuid primary key default gen_random_uuid(),
  url text not null,
  -- Null: every source's.
  source text,
  events text[] not null,
  -- Needed to sign, so it is kept as it is. The one before signs as well until its time is over.
  secret text not null,
  previous_secret text,
  previous_until timestamptz,
  disabled_at timestamptz,
  disabled_reason text,
  created_by text not null,
  created_at timestamptz not null default now()
);

create table webhook_message (
  -- The webhook-id, the same at every try.
  id uuid primary key default gen_random_uuid(),
  sequence bigint generated always as identity,
  endpoint_id uuid not null references webhook_endpoint on delete cascade,
  event text not null,
  body text not null,
  state text not null default 'pending',
  attempts integer not null default 0,
  due_at timestamptz not null default now(),
  -- A process is sending it until then; if it dies, another sends the same again.
  leased_until timestamptz,
  last_result text,
  created_at timestamptz not null default now(),
  finished_at timestamptz
);
create index webhook_message_due on webhook_message (endpoint_id, due_at) where state = 'pending';
create index webhook_message_listed on webhook_message (endpoint_id, sequence desc);
create index webhook_message_finished on webhook_message (finished_at) where state <> 'pending';

-- How far finished enrolments were told. Numbers are drawn before they are committed: up to `mark` is told only when every
-- transaction older than `mark_xid` has ended.
create table webhook_cursor (
  only_row boolean primary key default true check (only_row),
  told bigint not null,
  mark bigint not null,
  mark_xid xid8 not null,
  looked_at timestamptz not null default now()
);
insert into webhook_cursor (told, mark, mark_xid)
select last, last, '0' from (select case when is_called then last_value else 0 end as last from enrolment_finished_seq) as drawn;
