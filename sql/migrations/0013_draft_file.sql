-- The tickets, events and segments behind a draft's cycles outgrow the database: they lie as files in the evidence
-- folder, named by their content. The ledger keeps what proves them, and the books keep the hash of that.

-- Grain: one file of a draft; kind is the table that it holds. A restated month has its own, by its own draft.
create table ledger.draft_file (
    draft_id text not null references ledger.draft (draft_id),
    kind text not null check (kind in ('ticket', 'ticket_event', 'segment')),
    path text not null,
    sha256 text not null check (length(sha256) = 64),
    rows bigint not null check (rows >= 0),
    primary key (draft_id, kind)
);

call ledger.guard('draft_file');
create trigger refuse_late_rows after insert on ledger.draft_file
referencing new table as added for each statement execute function ledger.refuse_late_rows();
alter table ledger.draft_file enable always trigger refuse_late_rows;

grant select, insert on ledger.draft_file to finance;
