-- HR asks what became of its workers. Events are appended in the order of time, so that an index of a few pages finds those
-- since a moment; rejected rows are few, and are found by the worker whom they name.
create index event_at on event using brin (at) with (autosummarize = on);
create index feed_row_rejected on feed_row (employee_number, delivery_id) where outcome = 'rejected';
-- A source's deliveries, newest first.
create index feed_delivery_source on feed_delivery (source, sequence desc);
