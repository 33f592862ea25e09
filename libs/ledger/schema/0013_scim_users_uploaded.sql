-- What a sender calls the rows of a delivery: the bulkId of each operation of an upload.
create table feed_operation (
  delivery_id uuid not null references feed_delivery on delete cascade,
  row integer not null,
  bulk_id text not null,
  primary key (delivery_id, row)
);
