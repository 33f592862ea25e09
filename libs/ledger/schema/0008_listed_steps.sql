-- A step that a page of a listing can confirm as it stands. Each kind of due steps has an index of its own, so that however
-- many wait for a listing, they never hide the others. 'suspended_until_start' is looked at one by one.
alter table step add column listed boolean not null default false;
update step set listed = true
where not in_doubt and reason is distinct from 'suspended_until_start'
  and (step in ('mailbox', 'confirm')
    or reason in ('mailbox_not_ready', 'licence_not_visible', 'membership_not_visible', 'change_not_visible'));
drop index step_due;
drop index step_again;
create index step_due_direct on step (migration_id, step, due_at) where ready and batch_id is null and not listed;
create index step_again on step (migration_id, step, due_at)
  where ready and batch_id is null and not listed and state = 'waiting';
create index step_due_listed on step (migration_id, step, due_at) where ready and batch_id is null and listed;
create index step_overdue on step (migration_id, step, deadline_at)
  where ready and batch_id is null and listed and deadline_at is not null;
-- When each listing was last read to its end.
create index batch_listings on batch (migration_id, kind, leased_at) where size = 0 and state = 'settled';

-- The oldest who waits, and an example of who failed, of each kind of step and reason: asked at each look at the progress.
drop index step_problem;
create index step_problem on step (migration_id, state, step, reason, enrolment_id) where state in ('failed', 'waiting');
