/**
 * The last enrolment of `employee` that wrote something, or found that nothing was to be written, as a lateral join: its
 * state, and the account that it was to bring about. Only when it is done is that the account that there is. Whose days of
 * grace are not over has an account that nobody looked at: such an enrolment says nothing.
 */
export const lastWrittenSql = `(
  select enrolment.state, coalesce(enrolment.desired, plan_item.desired) as desired from enrolment
  join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
  where enrolment.employee_id = employee.id and (enrolment.state = 'done' or enrolment.first_write_at is not null)
    and coalesce(enrolment.desired, plan_item.desired) is not null
  order by enrolment.id desc limit 1)`;
