-- Files that a source left in a folder or on a server and that became deliveries: where they lie now, and which state of
-- the delivery was told beside them. A row lives as long as its file is kept.
create table dropped_file (
  delivery_id uuid primary key references feed_delivery on delete cascade,
  place text not null,
  path text not null,
  taken_at timestamptz not null default now(),
  told_state text
);
