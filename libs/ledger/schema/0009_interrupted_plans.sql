-- While a plan is computed its process says so; a plan whose process died is refused, not awaited for ever.
alter table plan add column seen_at timestamptz not null default now();
