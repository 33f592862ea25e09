-- Whether the account's present suspension, and its archiving, are our doing: only then do we take them back. Null: not ours,
-- or not suspended at all.
alter table account add column suspended_by_us boolean, add column archived_by_us boolean;
update account set suspended_by_us = true
where (
  select (coalesce(enrolment.desired, plan_item.desired) ->> 'suspended')::boolean from enrolment
  join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
  join step on step.enrolment_id = enrolment.id and step.step = 'account' and step.state = 'done'
  where enrolment.employee_id = account.employee_id order by enrolment.id desc limit 1
) and (origin = 'created' or exists (
  select from enrolment join prior_value on prior_value.enrolment_id = enrolment.id and prior_value.step = 'account'
  where enrolment.employee_id = account.employee_id and prior_value.value ->> 'suspended' = 'false'));
