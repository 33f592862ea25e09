-- What is settled for a source: sections of a document that the vocabulary parses. A source without a row has the defaults.
create table feed_source (
  name text primary key,
  settings jsonb not null default '{}',
  changed_at timestamptz not null default now(),
  changed_by text not null
);
