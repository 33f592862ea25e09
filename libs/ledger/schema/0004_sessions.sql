-- A browser's session: a cookie in place of an access token, which it does not outlive.
create table access_session (
  secret_hash bytea primary key,
  token_id uuid not null references access_token on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
