-- Since when an issued address is nobody's: its holder has left and nothing at Google holds it.
alter table address_reservation add column released_at timestamptz;
-- After which time from then the plan may give such an address to somebody else; null: never.
alter table plan add column reuse_after interval;
