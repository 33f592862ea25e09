-- A browser's session: a cookie in place of an access token, which it does not outlive.
create table access_session (
  secret_hash bytea primary key,
  token_id uuid not null references access_token on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

-- The audit trail names tokens: no two living ones share a name.
create unique index access_token_name on access_token (name) where revoked_at is null;
