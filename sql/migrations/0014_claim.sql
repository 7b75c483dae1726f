-- What the customer says of a month's credits is a request too: put on record by one person, granted by another.
-- claim: a credit that the contract pays only when it is claimed; subjects are {claimed_on, line}, without a line all.
-- choice: the one of several credits of an event that the customer takes; subjects are {event, line}.
alter table ledger.request drop constraint request_kind_check;
alter table ledger.request add constraint request_kind_check
check (kind in ('exclusion', 'credit_waiver', 'incomplete_waiver', 'claim', 'choice'));
