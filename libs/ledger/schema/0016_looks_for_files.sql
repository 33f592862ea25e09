-- Looks for files that a source leaves, one row a place: when and by which process was looked last, and what was in the way.
create table drop_look (
  source text not null,
  place text not null,
  looked_at timestamptz not null default now(),
  looked_by text,
  fault text,
  fault_since timestamptz,
  primary key (source, place)
);
