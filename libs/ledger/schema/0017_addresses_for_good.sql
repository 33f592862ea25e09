-- An issued address is never moved but by an admin's word. A person has one primary address; those that the person had
-- before (kind 'former') and aliases (kind 'alias') stay theirs.
update address_reservation as earlier set kind = 'former'
where kind = 'primary' and state = 'issued' and exists (
  select from address_reservation as later
  where later.employee_id = earlier.employee_id and later.kind = 'primary' and later.state = 'issued'
    and (later.issued_at, later.address) > (earlier.issued_at, earlier.address));
create unique index address_reservation_primary on address_reservation (employee_id)
  where kind = 'primary' and state = 'issued';
-- Who asked for this address: the account may then be renamed to it.
alter table address_reservation add column asked_by text;
