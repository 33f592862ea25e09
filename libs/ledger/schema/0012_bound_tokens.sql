-- A feed's token may be bound to one source; it then touches no other.
alter table access_token add column source text;
