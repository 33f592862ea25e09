-- A manager is named by a number too, also that of a user who is deleted.
create index scim_user_number on scim_user (source, employee_number);

-- The manager's reference that nobody of the source answered to when the user was delivered, in lower case; the user is
-- delivered again when somebody comes who does.
alter table scim_user add column manager_awaited text;
create index scim_user_awaiting on scim_user (source, manager_awaited) where manager_awaited is not null;
