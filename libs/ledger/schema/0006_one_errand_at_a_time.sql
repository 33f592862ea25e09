-- Batches without steps of their own (shared actions, listings): two dispatchers at once must not form the same one twice,
-- for two workers that make the plan's org units, groups and calendars side by side get in each other's way.
create unique index batch_errand_open on batch (migration_id, kind) where size = 0 and state in ('queued', 'leased');
