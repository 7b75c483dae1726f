-- Charges imported and approved by hand: two named persons before a charge is the base of any credit. Both acts stay on
-- record here; core.charge keeps the newest words of each charge, as exports tell them or as they are imported here.

-- Grain: one row an import of a charge by a person. It replaces what the charge said before, and voids its approval.
create table ledger.charge_import (
    import_no bigint primary key generated always as identity,
    contract text not null,
    period text not null,
    kind text not null,
    amount numeric not null,
    currency text not null,
    invoice_number text,
    imported_by text not null,
    imported_at timestamptz not null
);

-- Grain: one row an approval of a charge, with the words that were approved. It holds for these words and no others,
-- and until the charge is imported by hand again (import_no is the newest import before it).
create table ledger.charge_approval (
    approval_no bigint primary key generated always as identity,
    contract text not null,
    period text not null,
    kind text not null,
    amount numeric not null,
    currency text not null,
    invoice_number text,
    imported_by text not null,
    import_no bigint references ledger.charge_import (import_no),
    approved_by text not null,
    comment text not null,
    approved_at timestamptz not null
);

create function ledger.take_import() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if ledger.folded(new.imported_by) = '' then
        raise exception using
            errcode = 'restrict_violation', message = 'import of charge ' || new.kind || ' refused: it names nobody';
    end if;
    perform ledger.lock_month(new.contract, new.period);
    insert into core.charge
    values (
        new.contract, new.period, new.kind, new.amount, new.currency, new.invoice_number, new.imported_by, null,
        new.imported_at
    )
    on conflict (contract, period, kind) do update set
        amount = excluded.amount,
        currency = excluded.currency,
        invoice_number = excluded.invoice_number,
        imported_by = excluded.imported_by,
        approved_by = null,
        landed_at = excluded.landed_at;
    return null;
end
$$;
create trigger take_import after insert on ledger.charge_import
for each row execute function ledger.take_import();
alter table ledger.charge_import enable always trigger take_import;

-- Four eyes, for every role: who imported a charge cannot approve it, and only what it says now can be approved.
create function ledger.take_approval() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    charge core.charge;
    fault text;
begin
    perform ledger.lock_month(new.contract, new.period);
    select * into charge from core.charge as c
    where c.contract = new.contract and c.period = new.period and c.kind = new.kind;
    fault := case
        when charge.contract is null then 'there is no such charge'
        when ledger.folded(new.approved_by) = '' then 'the approval names nobody'
        when charge.imported_by is null then 'nobody is named who imported it'
        when (charge.amount, charge.currency, charge.invoice_number, charge.imported_by)
            is distinct from (new.amount, new.currency, new.invoice_number, new.imported_by)
            then 'it says something else by now'
        when ledger.folded(new.approved_by) = ledger.folded(charge.imported_by)
            then new.approved_by || ' imported it and cannot approve it'
    end;
    if fault is not null then
        raise exception using
            errcode = 'restrict_violation',
            message = 'approval of charge ' || concat_ws(' ', new.contract, new.period, new.kind) || ' refused: '
                || fault;
    end if;
    new.import_no := (
        select max(i.import_no) from ledger.charge_import as i
        where i.contract = new.contract and i.period = new.period and i.kind = new.kind
    );
    update core.charge as c set approved_by = new.approved_by, landed_at = new.approved_at
    where c.contract = new.contract and c.period = new.period and c.kind = new.kind;
    return new;
end
$$;
create trigger take_approval before insert on ledger.charge_approval
for each row execute function ledger.take_approval();
alter table ledger.charge_approval enable always trigger take_approval;

-- An export that tells a charge again, in the same words and without an approver, does not void its approval; nor does
-- one that names no importer take away whoever imported these words by hand.
create function ledger.keep_approval() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if new.imported_by is null then
        select i.imported_by into new.imported_by from ledger.charge_import as i
        where
            (i.contract, i.period, i.kind, i.amount, i.currency) =
            (new.contract, new.period, new.kind, new.amount, new.currency)
            and i.invoice_number is not distinct from new.invoice_number
            and i.import_no = (
                select max(newest.import_no) from ledger.charge_import as newest
                where newest.contract = new.contract and newest.period = new.period and newest.kind = new.kind
            );
    end if;
    if new.approved_by is null then
        select a.approved_by into new.approved_by from ledger.charge_approval as a
        where
            (a.contract, a.period, a.kind, a.amount, a.currency) =
            (new.contract, new.period, new.kind, new.amount, new.currency)
            and a.invoice_number is not distinct from new.invoice_number
            and a.imported_by = new.imported_by
            and a.import_no is not distinct from (
                select max(i.import_no) from ledger.charge_import as i
                where i.contract = new.contract and i.period = new.period and i.kind = new.kind
            )
        order by a.approval_no desc
        limit 1;
    end if;
    return new;
end
$$;
create trigger keep_approval before insert or update on core.charge
for each row execute function ledger.keep_approval();
alter table core.charge enable always trigger keep_approval;

call ledger.guard('charge_import');
call ledger.guard('charge_approval');

grant select, insert on ledger.charge_import, ledger.charge_approval to finance;
