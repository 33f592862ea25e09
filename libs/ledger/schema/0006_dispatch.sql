-- Steps that were begun and wait for another try go before those that have not begun: a person in doubt is not left so
-- until everybody else has had a turn.
create index step_again on step (migration_id, step, due_at) where ready and batch_id is null and state = 'waiting';

-- The pace of each kind of batch over its last settled ones, asked at every tick.
create index batch_pace on batch (migration_id, settled_at) where state = 'settled';
