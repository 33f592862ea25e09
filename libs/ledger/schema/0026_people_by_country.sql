-- Whoever comes while this is made is counted by it or by its triggers.
lock table employee in share row exclusive mode;

-- People of a source who have not left, by country: the guard compares each delivery with them, however small it is.
create table source_people (
  source text not null,
  country text not null,
  people integer not null,
  primary key (source, country)
);
insert into source_people
select source, country, count(*) from employee where status <> 'terminated' group by 1, 2;

create function count_people() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into source_people
    select source, country, count(*) from arrived where status <> 'terminated' group by 1, 2
    on conflict (source, country) do update set people = source_people.people + excluded.people;
  elsif tg_op = 'UPDATE' then
    insert into source_people
    select source, country, sum(change) from (
      select source, country, 1 as change from arrived where status <> 'terminated'
      union all select source, country, -1 from gone where status <> 'terminated'
    ) as changes group by 1, 2 having sum(change) <> 0
    on conflict (source, country) do update set people = source_people.people + excluded.people;
  else
    insert into source_people
    select source, country, -count(*) from gone where status <> 'terminated' group by 1, 2
    on conflict (source, country) do update set people = source_people.people + excluded.people;
  end if;
  return null;
end $$;
create trigger people_arrive after insert on employee
  referencing new table as arrived for each statement execute function count_people();
create trigger people_change after update on employee
  referencing old table as gone new table as arrived for each statement execute function count_people();
create trigger people_go after delete on employee
  referencing old table as gone for each statement execute function count_people();
