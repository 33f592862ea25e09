-- A person's enrolments: the service desk asks for the latest, planning for what was written and confirmed last.
create index enrolment_employee on enrolment (employee_id, id desc);
