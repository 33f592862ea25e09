-- What SCIM clients say of their users. It reaches the employees as deliveries of the source, like everything that HR says.
create sequence scim_change;
create table scim_user (
  id uuid primary key default gen_random_uuid(),
  sequence bigint generated always as identity unique,
  source text not null,
  -- Fixed at creation: the employee that the user is.
  employee_number text not null,
  -- The canonical resource without id, meta and schemas; and the same with texts in lower case where case does not count.
  resource jsonb not null,
  search jsonb not null,
  user_name_key text not null generated always as (search ->> 'userName') stored,
  external_id text generated always as (resource ->> 'externalId') stored,
  version integer not null default 1,
  created_at timestamptz(3) not null default clock_timestamp(),
  changed_at timestamptz(3) not null default clock_timestamp(),
  changed_by text not null,
  deleted_at timestamptz(3),
  -- The change that made it what it is, and the last change that a delivery carried.
  change bigint not null default nextval('scim_change'),
  delivered_change bigint not null default 0,
  delivery_id uuid references feed_delivery,
  delivery_row integer
);
create unique index scim_user_name on scim_user (source, user_name_key) where deleted_at is null;
create unique index scim_user_employee on scim_user (source, employee_number) where deleted_at is null;
create index scim_user_external_id on scim_user (source, external_id);
create index scim_user_page on scim_user (source, sequence) where deleted_at is null;
create index scim_user_changed_at on scim_user (source, changed_at) where deleted_at is null;
create index scim_user_undelivered on scim_user (source, change) where change > delivered_change;
create index scim_user_delivery on scim_user (delivery_id);
-- Every filter by equality, on whatever attribute.
create index scim_user_search on scim_user using gin (search jsonb_path_ops) where deleted_at is null;
