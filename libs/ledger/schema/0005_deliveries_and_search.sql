-- A delivery is tried a bounded number of times; an upload that nobody feeds any more is given up.
alter table feed_delivery
  add column attempts integer not null default 0,
  add column try_after timestamptz not null default '-infinity',
  add column touched_at timestamptz not null default now(),
  add column rows_duplicate integer not null default 0;
create index feed_delivery_unfinished on feed_delivery (source, received_at, sequence)
  where state in ('received', 'checking', 'applying');
create index feed_delivery_uploading on feed_delivery (touched_at) where state = 'uploading';

-- Words of a name are found by their beginnings: lexemes made by Bascule, no text search configuration is involved.
alter table employee_search add column name_words tsvector;
update employee_search set name_words = array_to_tsvector(array_remove(string_to_array(folded_name, ' '), ''));
alter table employee_search alter column name_words set not null, drop column folded_name;
create index employee_search_words on employee_search using gin (name_words);
create index account_address on account (lower(primary_email));

-- A delivery that has rows or versions is never deleted; looking it up again for each of them was a third of the work.
alter table employee_version drop constraint employee_version_delivery_id_fkey;
alter table feed_row drop constraint feed_row_delivery_id_fkey;
-- Most rows of most deliveries are unchanged, and those lie side by side in the table itself.
drop index feed_row_outcome;
create index feed_row_outcome on feed_row (delivery_id, outcome, row) where outcome <> 'unchanged';
