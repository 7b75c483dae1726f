-- The ledger: drafts, decisions, postings, and the entries that finance books.
-- Every table is append-only: triggers refuse update, delete and truncate to every role, the owner and superusers
-- included. What a table owner can still do (drop a trigger, rewrite a row) breaks the hash chain of ledger.entry.
-- Amounts are numeric without a scale, so that they keep the cents they were booked with. Money is never converted.

create function ledger.refuse_change() returns trigger
language plpgsql as $$
begin
    raise exception using
        errcode = 'restrict_violation',
        message = 'ledger.' || tg_table_name || ' is append-only: ' || lower(tg_op) || ' refused',
        hint = 'Nothing booked ever changes. Make a new draft, or book an adjustment in an open month.';
end
$$;

-- Makes a table of the ledger append-only, for every role: "always", so that session_replication_role = replica does
-- not switch the trigger off.
create procedure ledger.guard(guarded text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    execute format(
        'create trigger append_only before update or delete or truncate on ledger.%I '
        'for each statement execute function ledger.refuse_change()', guarded
    );
    execute format('alter table ledger.%I enable always trigger append_only', guarded);
end
$$;

-- One row an immutable draft of a contract's month. All drafts stay; the newest number is the current one.
create table ledger.draft (
    draft_id text primary key,
    contract text not null,
    period text not null,
    number integer not null check (number > 0),
    statement_number text not null,
    reason text not null check (reason in ('first', 'inputs_changed', 'disputed')),
    contract_title text not null,
    parties jsonb not null,
    version integer not null,
    effective_from date not null,
    currency text not null,
    credit_amount numeric not null,
    timezone text not null,
    period_start_at timestamptz not null,
    period_end_at timestamptz not null,
    as_of timestamptz not null,
    data_cutoff timestamptz not null,
    watermark_at timestamptz not null,
    data_mark text not null,
    contract_sha256 text not null,
    evidence_sha256 text not null,
    inputs_sha256 text not null,
    preparers jsonb not null,
    terms jsonb not null,
    assessment jsonb not null,
    charges jsonb not null,
    control jsonb not null,
    csat jsonb,
    incomplete_tickets integer not null check (incomplete_tickets >= 0),
    code_version text not null,
    drafted_by text not null,
    run_id text,
    drafted_at timestamptz not null,
    written_in text not null,
    unique (contract, period, number),
    check (period_start_at < period_end_at),
    check (as_of <= data_cutoff)
);

-- One row a service level of the draft. value is the exact fraction ('2371/25'), shown_value the same for reading.
create table ledger.draft_level (
    draft_id text not null references ledger.draft (draft_id),
    ordinal integer not null,
    service_level text not null,
    title text not null,
    clause text not null,
    population text not null,
    subject text not null,
    measure text not null,
    statistic text not null,
    side text not null,
    operator text not null check (operator in ('>=', '<=')),
    target text not null,
    numerator text,
    denominator text,
    value text,
    shown_value numeric,
    status text not null check (status in ('met', 'breached', 'no_data')),
    sample integer not null,
    met_tickets integer not null,
    failed_tickets integer not null,
    excluded_tickets integer not null,
    incomplete_tickets integer not null,
    window_months integer not null,
    window_mode text not null,
    months jsonb not null,
    failed_run integer not null,
    is_priced boolean not null,
    primary key (draft_id, ordinal),
    unique (draft_id, service_level)
);

-- One row a line of money: a term of the penalties, a cap, points turned into money, an adjustment.
create table ledger.draft_line (
    draft_id text not null references ledger.draft (draft_id),
    line_no integer not null,
    term text not null,
    service_level text,
    status text not null,
    clause text not null,
    version integer not null,
    effective_from date not null,
    operator text,
    target text,
    value text,
    band_edge text,
    detail jsonb not null,
    credit_amount numeric not null,
    primary key (draft_id, line_no)
);

-- The formula trace: input, gate, schedule, modifier, combine, limit, rounding; one row each.
create table ledger.draft_trace (
    draft_id text not null references ledger.draft (draft_id),
    trace_no integer not null,
    line text not null,
    step text not null,
    input text not null,
    output text not null,
    clause text not null,
    primary key (draft_id, trace_no)
);

-- The tickets and answers behind every numerator, denominator and excluded set: one row each, as measured.
create table ledger.draft_ticket (
    draft_id text not null references ledger.draft (draft_id),
    evidence_no integer not null,
    service_level text not null,
    fate text not null,
    is_numerator boolean not null,
    is_denominator boolean not null,
    reason text,
    source text,
    ticket_key bigint not null,
    created_month integer,
    ticket_id text,
    version integer,
    clock text,
    cycle bigint,
    state text,
    started_at timestamptz,
    stopped_at timestamptz,
    due_at timestamptz,
    breached_at timestamptz,
    target_us bigint,
    elapsed_us bigint,
    provider_us bigint,
    customer_us bigint,
    third_party_us bigint,
    attributed_at timestamptz,
    account text,
    team text,
    agent text,
    product text,
    priority text,
    survey_id text,
    answer_id text,
    sent_at timestamptz,
    responded_at timestamptz,
    rating bigint,
    primary key (draft_id, evidence_no),
    check (
        fate in (
            'met', 'failed', 'counted', 'neutral', 'excused', 'excluded', 'incomplete', 'unanswered', 'carried'
        )
    )
);
create index draft_ticket_by_ticket on ledger.draft_ticket (draft_id, ticket_key);

-- One decision a draft. A dispute says why. deemed_approved is nobody's: a clause approves what nobody decided in time.
create table ledger.decision (
    draft_id text primary key references ledger.draft (draft_id),
    decision text not null check (decision in ('approve', 'deemed_approved', 'dispute')),
    comment text not null,
    decided_by text not null check (decided_by <> ''),
    decided_at timestamptz not null,
    check (decision = 'approve' or btrim(comment) <> '')
);

-- What stood in the way of a draft (no charge, incomplete tickets): kept, so that a silent month is explained.
create table ledger.attempt (
    attempt_no bigint generated always as identity primary key,
    contract text not null,
    period text not null,
    outcome text not null,
    message text not null,
    contract_sha256 text not null,
    data_mark text not null,
    attempted_at timestamptz not null
);

-- One row a contract and period, for ever. It freezes what the statement was made of.
create table ledger.posting (
    statement_number text primary key,
    contract text not null,
    period text not null,
    draft_id text not null unique references ledger.draft (draft_id),
    currency text not null,
    credit_amount numeric not null,
    approved_by text not null,
    approved_at timestamptz not null,
    approval_comment text not null,
    preparers jsonb not null,
    version integer not null,
    contract_sha256 text not null,
    inputs_sha256 text not null,
    evidence_sha256 text not null,
    terms jsonb not null,
    assessment jsonb not null,
    charges jsonb not null,
    control jsonb not null,
    csat jsonb,
    code_version text not null,
    posted_at timestamptz not null,
    unique (contract, period)
);

-- Frozen evidence of a posted statement, the same columns as the draft's.
create table ledger.posted_ticket (
    statement_number text not null references ledger.posting (statement_number),
    like ledger.draft_ticket,
    constraint posted_ticket_pkey primary key (statement_number, evidence_no)
);

-- The books: one chain over all contracts. record is canonical JSON; the typed columns are read from it and from
-- nothing else. sha256 = SHA-256 over previous_sha256, a newline and record; the first previous is 64 zeros.
create table ledger.entry (
    entry_no bigint primary key,
    previous_sha256 text not null check (length(previous_sha256) = 64),
    sha256 text not null unique check (length(sha256) = 64),
    record text not null,
    kind text not null generated always as (record::jsonb ->> 'kind') stored,
    statement_number text not null generated always as (record::jsonb ->> 'statement_number') stored,
    contract text not null generated always as (record::jsonb ->> 'contract') stored,
    period text not null generated always as (record::jsonb ->> 'period') stored,
    line text generated always as (record::jsonb ->> 'line') stored,
    currency text not null generated always as (record::jsonb ->> 'currency') stored,
    amount numeric generated always as ((record::jsonb ->> 'amount')::numeric) stored
);
create index entry_by_statement on ledger.entry (statement_number);

create function ledger.entry_sha256(previous_sha256 text, record text) returns text
language sql stable as $$
    select encode(sha256(convert_to(previous_sha256 || chr(10) || record, 'UTF8')), 'hex')
$$;

-- A row that does not continue the chain cannot be written, by anyone.
create function ledger.continue_chain() returns trigger
language plpgsql as $$
declare
    last ledger.entry;
begin
    perform pg_advisory_xact_lock(hashtextextended('ledger.entry', 0));
    select * into last from ledger.entry order by entry_no desc limit 1;
    if new.entry_no is distinct from coalesce(last.entry_no, 0) + 1
        or new.previous_sha256 is distinct from coalesce(last.sha256, repeat('0', 64))
        or new.sha256 is distinct from ledger.entry_sha256(new.previous_sha256, new.record) then
        raise exception using
            errcode = 'restrict_violation',
            message = 'ledger.entry ' || coalesce(new.entry_no::text, 'null') || ' does not continue the chain';
    end if;
    return new;
end
$$;
create trigger continue_chain before insert on ledger.entry
for each row execute function ledger.continue_chain();
alter table ledger.entry enable always trigger continue_chain;

call ledger.guard('draft');
call ledger.guard('draft_level');
call ledger.guard('draft_line');
call ledger.guard('draft_trace');
call ledger.guard('draft_ticket');
call ledger.guard('decision');
call ledger.guard('attempt');
call ledger.guard('posting');
call ledger.guard('posted_ticket');
call ledger.guard('entry');

-- Four eyes, for every role: what Deskledger refuses, the tables refuse too (who may approve: 0011). The lock is the
-- one that Deskledger holds while it drafts, decides and posts the month.
create function ledger.lock_month(contract text, period text) returns void
language sql as $$
    select pg_advisory_xact_lock(hashtextextended('ledger|' || contract || '|' || period, 0))
$$;

create function ledger.folded(name text) returns text
language sql immutable as $$
    select lower(regexp_replace(name, '^\s+|\s+$', '', 'g'))
$$;

create function ledger.refuse_decision() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    draft ledger.draft;
    fault text;
begin
    select * into draft from ledger.draft as d where d.draft_id = new.draft_id;
    perform ledger.lock_month(draft.contract, draft.period);
    fault := case
        when draft.draft_id is null then 'there is no such draft'
        when ledger.folded(new.decided_by) = '' then 'the decision names nobody'
        when exists (
            select from ledger.posting as p where p.contract = draft.contract and p.period = draft.period
        ) then 'its month is posted'
        when exists (
            select from ledger.draft as d
            where d.contract = draft.contract and d.period = draft.period and d.number > draft.number
        ) then 'it is superseded'
    end;
    if fault is not null then
        raise exception using
            errcode = 'restrict_violation',
            message = 'decision on draft ' || coalesce(new.draft_id, 'null') || ' refused: ' || fault;
    end if;
    return new;
end
$$;
create trigger refuse_decision before insert on ledger.decision
for each row execute function ledger.refuse_decision();
alter table ledger.decision enable always trigger refuse_decision;

-- A posting repeats its draft and the approval of it, to the letter.
create function ledger.refuse_posting() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    draft ledger.draft;
    approval ledger.decision;
    differing text;
    fault text;
begin
    select * into draft from ledger.draft as d where d.draft_id = new.draft_id;
    perform ledger.lock_month(draft.contract, draft.period);
    select * into approval from ledger.decision as d where d.draft_id = new.draft_id and d.decision <> 'dispute';
    select string_agg(posted.key, ', ' order by posted.key) into differing
    from jsonb_each(to_jsonb(new)) as posted
    where
        posted.key <> 'posted_at'
        and posted.value is distinct from (
            to_jsonb(draft) || jsonb_build_object(
                'approved_by', approval.decided_by,
                'approved_at', approval.decided_at,
                'approval_comment', approval.comment
            )
        ) -> posted.key;
    fault := case
        when draft.draft_id is null then 'there is no such draft'
        when approval.draft_id is null then 'it is not approved'
        when exists (
            select from ledger.draft as d
            where d.contract = draft.contract and d.period = draft.period and d.number > draft.number
        ) then 'it is superseded'
        when draft.incomplete_tickets > 0 then 'it rests on incomplete tickets'
        when
            draft.credit_amount is distinct from (
                select coalesce(sum(l.credit_amount), 0) from ledger.draft_line as l where l.draft_id = new.draft_id
            ) then 'its lines do not sum to its credit'
        when differing is not null then 'not what was drafted and approved: ' || differing
    end;
    if fault is not null then
        raise exception using
            errcode = 'restrict_violation',
            message = 'posting of draft ' || coalesce(new.draft_id, 'null') || ' refused: ' || fault;
    end if;
    return new;
end
$$;
create trigger refuse_posting before insert on ledger.posting
for each row execute function ledger.refuse_posting();
alter table ledger.posting enable always trigger refuse_posting;

-- A draft is written in one transaction: what a person saw on its page is what was approved and what is posted. The
-- transaction's name is the database's own; with its time, a copy of the database gives it to no other one either.
create function ledger.this_transaction() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select pg_current_xact_id() || ' at ' || extract(epoch from transaction_timestamp())
$$;

create function ledger.note_transaction() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    new.written_in := ledger.this_transaction();
    return new;
end
$$;
create trigger note_transaction before insert on ledger.draft
for each row execute function ledger.note_transaction();
alter table ledger.draft enable always trigger note_transaction;

create function ledger.refuse_late_rows() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    now_writing text := ledger.this_transaction();
    fault text;
begin
    fault := case
        when exists (
            select from added inner join ledger.draft using (draft_id) where draft.written_in <> now_writing
        ) then 'its draft is written already'
        when exists (select from added inner join ledger.decision using (draft_id)) then 'its draft is decided already'
    end;
    if fault is not null then
        raise exception using
            errcode = 'restrict_violation',
            message = 'ledger.' || tg_table_name || ': ' || fault;
    end if;
    return null;
end
$$;
do $$
declare
    part text;
begin
    foreach part in array array['draft_level', 'draft_line', 'draft_trace', 'draft_ticket'] loop
        execute 'create trigger refuse_late_rows after insert on ledger.' || quote_ident(part)
            || ' referencing new table as added for each statement execute function ledger.refuse_late_rows()';
        execute 'alter table ledger.' || quote_ident(part) || ' enable always trigger refuse_late_rows';
    end loop;
end
$$;

-- Entries that do not follow from the ones before them. Empty when the chain is whole.
create view ledger.broken_entry as
with numbered as (
    select
        entry_no,
        previous_sha256,
        sha256,
        record,
        row_number() over (order by entry_no) as expected_no,
        coalesce(lag(sha256) over (order by entry_no), repeat('0', 64)) as expected_previous
    from ledger.entry
)

select
    entry_no,
    case
        when entry_no <> expected_no then 'an entry before it is missing'
        when previous_sha256 <> expected_previous then 'does not point to the entry before it'
        else 'its record does not give its hash'
    end as fault
from numbered
where
    entry_no <> expected_no
    or previous_sha256 <> expected_previous
    or sha256 <> ledger.entry_sha256(previous_sha256, record);

-- Credits of posted statements. Grain: one row a currency and month; currencies are never added to each other.
create view ledger.posted_total as
select
    currency,
    period,
    count(*) as statements,
    sum(credit_amount) as credit_amount
from ledger.posting
group by currency, period;

-- finance closes months: it writes rows and can change none. reader and loader see nothing here.
grant select on all tables in schema ledger to finance;
grant insert on
ledger.draft,
ledger.draft_level,
ledger.draft_line,
ledger.draft_trace,
ledger.draft_ticket,
ledger.decision,
ledger.attempt,
ledger.posting,
ledger.posted_ticket,
ledger.entry
to finance;
