-- A whole company in one delivery: what was written for each of its rows is written once for many.

-- Ids in the order of time (RFC 9562, section 5.7): neighbours in the feed are neighbours in every index.
create function time_ordered_uuid() returns uuid language sql volatile parallel safe as $$
  select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
$$;
alter table employee alter column id set default time_ordered_uuid();

-- Versions and search words are written by the statements that write their employee; looking it up again for each of them
-- was a third of the work. With an employee they go, many at a time.
alter table employee_version drop constraint employee_version_employee_id_fkey;
alter table employee_search drop constraint employee_search_employee_id_fkey;
create function forget_people() returns trigger language plpgsql as $$
begin
  delete from employee_version using gone where employee_id = gone.id;
  delete from employee_search using gone where employee_id = gone.id;
  return null;
end $$;
create trigger people_forgotten after delete on employee
  referencing old table as gone for each statement execute function forget_people();

-- Rows of which nothing is said but their outcome, a thousand lines of the file in one; feed_row has all others.
create table feed_row_pack (
  delivery_id uuid not null,
  first_row integer not null,
  outcome text not null,
  -- In the order of the file: their numbers in it, the lines on which they begin, and the workers whom they name.
  rows integer[] not null,
  lines integer[] not null,
  employee_numbers text[] not null,
  primary key (delivery_id, first_row, outcome)
);

-- Of the row that the record was made from: who sends it again says nothing new, and it need not be read. Null when something
-- is to be said of the row each time.
alter table employee add column row_fingerprint uuid;

-- Payloads are there for a minute, and what is worth packing came packed.
alter table feed_payload alter column bytes set storage external;
