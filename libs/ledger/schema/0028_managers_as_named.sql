-- The manager's reference as it was sent: external ids are compared exactly (RFC 7643, section 3.1), user names are not.
alter table scim_user add column manager_awaited_exact text;
create index scim_user_awaiting_exact on scim_user (source, manager_awaited_exact) where manager_awaited_exact is not null;
