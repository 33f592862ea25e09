import type { FailureReason } from '#libs/vocabulary';

/** Of several things that hold an address at Google (`held_by`) the first in this order is told. */
export const holderOrderSql = `array_position('{user,alias,group,unmanaged,deleted}'::text[], held_by)`;

/** Why nobody else can have an address that something at Google holds; `ofUser` where it is an account's own. */
export const holderReasonSql = (heldBy: string, ofUser: FailureReason) => `
  case ${heldBy} when 'group' then 'address_held_by_group' when 'alias' then 'address_held_by_alias'
    when 'deleted' then 'address_held_by_deleted' when 'unmanaged' then 'address_held_by_unmanaged'
    else '${ofUser}' end`;

/** Whether the ledger knows somebody else who was given, or is given by HR, the address; `employee` is the person's id. */
export const isColleaguesSql = (address: string, employee: string) => `(
  exists (select from address_reservation
          where address_reservation.address = ${address} and address_reservation.employee_id <> ${employee})
  or exists (select from employee_search
             where addresses @> array[${address}] and employee_search.employee_id <> ${employee}))`;
