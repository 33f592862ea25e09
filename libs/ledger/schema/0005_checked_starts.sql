-- Starts that look again before anybody is touched, records that changed after the plan, sealed first passwords.

-- While null, a running migration reads who holds its new addresses before any employee runs.
alter table migration add column addresses_checked_at timestamptz;
update migration set addresses_checked_at = started_at where started_at is not null;
-- Public key (PEM, SPKI) to which first passwords are sealed.
alter table migration add column handover_key text;

-- What a re-plan put in the place of the plan's desired account; the plan itself never changes.
alter table enrolment add column desired jsonb;

-- A listing that nobody reads any more may be forgotten.
alter table directory_listing add column released_at timestamptz;
update directory_listing set released_at = finished_at;

-- Which key a password was sealed to, and by which migration it was drawn.
alter table handover_secret add column key_id text;
alter table handover_secret add column migration_id uuid references migration;
-- As users.insert takes it: the same in every retry.
alter table handover_secret add column hashed text;
