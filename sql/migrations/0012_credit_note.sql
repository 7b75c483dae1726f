-- Numbers of credit notes: given once, in the order of posting, never again and without a gap in their series.

-- Grain: one posted statement with money: its month, or a correction in it, is not zero. books is what it is booked by
-- (accounts, tax treatment), as it was declared when the number was given: a later edit of the file changes no
-- statement that was exported.
create table ledger.credit_note (
    statement_number text primary key references ledger.posting (statement_number),
    series text not null check (series <> ''),
    number integer not null check (number > 0),
    note_number text not null unique,
    books jsonb not null,
    numbered_at timestamptz not null,
    unique (series, number)
);

call ledger.guard('credit_note');

-- A series has no gap, for every role: a number is the one after the last.
create function ledger.refuse_gap() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    last integer;
begin
    perform pg_advisory_xact_lock(hashtextextended('ledger.credit_note', 0));
    select coalesce(max(n.number), 0) into last from ledger.credit_note as n where n.series = new.series;
    if new.number <> last + 1 then
        raise exception using
            errcode = 'restrict_violation',
            message = 'credit note ' || new.note_number || ' refused: ' || new.series || ' continues with ' || last + 1;
    end if;
    return new;
end
$$;
create trigger refuse_gap before insert on ledger.credit_note
for each row execute function ledger.refuse_gap();
alter table ledger.credit_note enable always trigger refuse_gap;

grant select, insert on ledger.credit_note to finance;
