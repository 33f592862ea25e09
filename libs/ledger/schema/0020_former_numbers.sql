-- Numbers under which a source knew a person before: rows that still name them are not about anybody else.
create table employee_former_number (
  source text not null,
  number text not null,
  employee_id uuid not null references employee on delete cascade,
  since timestamptz not null default now(),
  primary key (source, number)
);
