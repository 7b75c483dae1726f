-- Exclusions and waivers: what one person asks for and another grants. A granted one changes the next draft of its
-- month and never a posted one. Append-only like the rest of the ledger; the rules below hold for every role.

-- Grain: one row a request. What is asked for, in which month of which contract, why, on what evidence, by whom.
-- exclusion: tickets or answers are set aside from service levels for a reason that the contract accepts.
-- credit_waiver: a line's credit is given up, up to an amount. incomplete_waiver: tickets of which a row is in
-- quarantine, or quarantined rows of no known ticket, no longer block posting; a row stays waived in later months.
create table ledger.request (
    request_id text primary key,
    contract text not null,
    period text not null,
    number integer not null check (number > 0),
    kind text not null check (kind in ('exclusion', 'credit_waiver', 'incomplete_waiver')),
    reason text not null check (btrim(reason) <> ''),
    terms jsonb not null,
    subjects jsonb not null,
    service_levels jsonb not null,
    line text,
    amount numeric check (amount > 0),
    currency text not null,
    explanation text not null check (btrim(explanation) <> ''),
    evidence text not null check (btrim(evidence) <> ''),
    evidence_sha256 text not null check (length(evidence_sha256) = 64),
    requested_by text not null,
    requested_at timestamptz not null,
    unique (contract, period, number),
    check ((kind = 'credit_waiver') = (line is not null and amount is not null)),
    check (kind = 'credit_waiver' or jsonb_array_length(subjects) > 0)
);

-- Grain: one row a ruling on a request: approve, reject or withdraw it, and revoke what was approved.
create table ledger.ruling (
    request_id text not null references ledger.request (request_id),
    number integer not null check (number > 0),
    ruling text not null check (ruling in ('approve', 'reject', 'withdraw', 'revoke')),
    comment text not null,
    ruled_by text not null,
    ruled_at timestamptz not null,
    primary key (request_id, number),
    check (ruling in ('approve', 'withdraw') or btrim(comment) <> '')
);

-- Where each request stands. Grain: one row a request. approved_by and approved_at stay when it is revoked.
create view ledger.request_state as
with requests as (select * from ledger.request),

rulings as (select * from ledger.ruling),

newest as (
    select distinct on (request_id) *
    from rulings
    order by request_id asc, number desc
),

approvals as (
    select *
    from rulings
    where ruling = 'approve'
)

select
    requests.*,
    approvals.ruled_by as approved_by,
    approvals.ruled_at as approved_at,
    newest.comment as ruling_comment,
    newest.ruled_by,
    newest.ruled_at,
    case newest.ruling
        when 'approve' then 'approved'
        when 'reject' then 'rejected'
        when 'withdraw' then 'withdrawn'
        when 'revoke' then 'revoked'
        else 'requested'
    end as state
from requests
left join newest on requests.request_id = newest.request_id
left join approvals on requests.request_id = approvals.request_id;

-- Whether a person may approve an amount. authority is a list of {approvers, up_to_amount}; an absent part holds for
-- everybody, or any amount; an empty list asks nothing.
create function ledger.may_approve(authority jsonb, person text, amount numeric) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select case
        when coalesce(jsonb_typeof(authority), 'null') <> 'array' then true
        when jsonb_array_length(authority) = 0 then true
        else exists (
            select from jsonb_array_elements(authority) as allowed (line)
            where
                (
                    jsonb_typeof(allowed.line -> 'approvers') is distinct from 'array'
                    or exists (
                        select from jsonb_array_elements_text(allowed.line -> 'approvers') as named (name)
                        where ledger.folded(named.name) = ledger.folded(person)
                    )
                )
                and (
                    allowed.line ->> 'up_to_amount' is null
                    or abs(amount) <= (allowed.line ->> 'up_to_amount')::numeric
                )
        )
    end
$$;

create function ledger.refuse_request() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    perform ledger.lock_month(new.contract, new.period);
    if ledger.folded(new.requested_by) = '' then
        raise exception using
            errcode = 'restrict_violation', message = 'request ' || new.request_id || ' refused: it names nobody';
    end if;
    return new;
end
$$;
create trigger refuse_request before insert on ledger.request
for each row execute function ledger.refuse_request();
alter table ledger.request enable always trigger refuse_request;

create function ledger.refuse_ruling() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    asked ledger.request;
    before ledger.ruling;
    waived_amount numeric;
    fault text;
begin
    select * into asked from ledger.request as r where r.request_id = new.request_id;
    perform ledger.lock_month(asked.contract, asked.period);
    -- With all that is waived of the month already: an amount cut into small waivers is still that amount.
    select coalesce(sum(r.amount), 0) + asked.amount into waived_amount
    from ledger.request_state as r
    where
        r.contract = asked.contract and r.period = asked.period
        and r.kind = 'credit_waiver' and r.state = 'approved';
    select * into before from ledger.ruling as r where r.request_id = new.request_id order by r.number desc limit 1;
    fault := case
        when asked.request_id is null then 'there is no such request'
        when ledger.folded(new.ruled_by) = '' then 'the ruling names nobody'
        when new.number <> coalesce(before.number, 0) + 1 then 'its number does not follow'
        when new.ruling = 'revoke' and before.ruling is distinct from 'approve' then 'it is not approved'
        when new.ruling <> 'revoke' and before.ruling is not null
            then 'it was already ruled on: ' || before.ruling || ' by ' || before.ruled_by
        when new.ruling = 'withdraw' and ledger.folded(new.ruled_by) <> ledger.folded(asked.requested_by)
            then 'only ' || asked.requested_by || ', who made it, can withdraw it'
        when new.ruling = 'approve' and ledger.folded(new.ruled_by) = ledger.folded(asked.requested_by)
            then new.ruled_by || ' made it and cannot approve it'
        when
            new.ruling = 'approve' and asked.kind = 'credit_waiver'
            and not ledger.may_approve(asked.terms -> 'authority', new.ruled_by, waived_amount)
            then new.ruled_by || ' has no authority over ' || waived_amount || ' ' || asked.currency
    end;
    if fault is not null then
        raise exception using
            errcode = 'restrict_violation',
            message = new.ruling || ' of request ' || coalesce(new.request_id, 'null') || ' refused: ' || fault;
    end if;
    return new;
end
$$;
create trigger refuse_ruling before insert on ledger.ruling
for each row execute function ledger.refuse_ruling();
alter table ledger.ruling enable always trigger refuse_ruling;

-- The amount that a draft's approver needs authority over: the greatest of its total, of what its own month comes to
-- before waivers, and without its requests (each, and all), and of all its corrections, whichever way each goes.
-- Credit and correction that cancel each other, or an exclusion that leaves no credit, is no small amount.
create function ledger.approval_amount(asked_draft_id text) returns numeric
language sql stable set search_path = pg_catalog, pg_temp as $$
    with lines as (
        select
            coalesce(sum(l.credit_amount) filter (where l.status = 'adjustment'), 0) as corrected,
            coalesce(sum(abs(l.credit_amount)) filter (where l.status = 'adjustment'), 0) as corrected_either_way,
            coalesce(sum(l.credit_amount) filter (where l.status not in ('adjustment', 'waived')), 0) as own
        from ledger.draft_line as l
        where l.draft_id = asked_draft_id
    ),

    without_requests as (
        select max(abs(told.credit - lines.corrected)) as amount
        from ledger.draft as d
        cross join lines
        cross join lateral (
            select (request.told ->> 'credit_without')::numeric as credit
            from jsonb_array_elements(coalesce(d.assessment -> 'requests', '[]')) as request (told)
            union all
            select (d.assessment ->> 'credit_without_requests')::numeric as credit
        ) as told
        where d.draft_id = asked_draft_id
    )

    select greatest(abs(d.credit_amount), abs(lines.own), lines.corrected_either_way, without_requests.amount)
    from ledger.draft as d
    cross join lines
    cross join without_requests
    where d.draft_id = asked_draft_id
$$;

-- Why a person may not approve a draft, in words; null where nothing stands against it. Whatever the draft says of
-- itself: who asked for what changes its month or one that it corrects, imported their charges, or wrote or submitted
-- its terms does not approve it, and nobody approves more than the contract lets them.
create function ledger.approver_fault(asked_draft_id text, person text) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    with drafts as (select * from ledger.draft as d where d.draft_id = asked_draft_id),

    stated as ( -- the draft's own period, and those that it corrects
        select d.period from drafts as d
        union
        select a.corrected_period from ledger.draft_adjustment as a where a.draft_id = asked_draft_id
    )

    select case
        when exists (
            select from ledger.request_state as r
            where
                r.contract = d.contract
                and (
                    r.period in (select s.period from stated as s)
                    or (r.kind = 'incomplete_waiver' and r.period < d.period)
                )
                and (
                    (r.state = 'approved' and ledger.folded(r.requested_by) = ledger.folded(person))
                    or (r.state = 'revoked' and ledger.folded(r.ruled_by) = ledger.folded(person))
                )
        ) then person || ' asked for an exclusion or a waiver of this month, or took one back, and cannot approve it'
        when exists (
            select from core.charge as c
            where
                c.contract = d.contract and c.period in (select s.period from stated as s)
                and ledger.folded(c.imported_by) = ledger.folded(person)
        ) then person || ' imported a charge of this month, or of one that it corrects, and cannot approve it'
        when exists (
            select from jsonb_array_elements(coalesce(d.terms -> 'approvals', '[]')) as approved (terms)
            inner join ledger.approved_version as v
                on d.contract = v.contract and (approved.terms ->> 'version')::integer = v.version
            where ledger.folded(person) in (ledger.folded(v.author), ledger.folded(v.submitted_by))
        ) then person || ' prepared it and cannot approve it: its terms are theirs'
        when exists (
            select from jsonb_array_elements_text(d.preparers) as preparer (name)
            where ledger.folded(preparer.name) = ledger.folded(person)
        ) then person || ' prepared it and cannot approve it'
        when not ledger.may_approve(d.terms #> '{review,authority}', person, ledger.approval_amount(d.draft_id))
            then person || ' has no authority over ' || ledger.approval_amount(d.draft_id) || ' ' || d.currency
    end
    from drafts as d
$$;

-- Beside the rules of ledger.refuse_decision. What nobody decided is deemed approved only where the contract's clause
-- says so, not before its time, and never above the amount that takes two persons.
create function ledger.refuse_authority() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    draft ledger.draft;
    due_at timestamptz;
    fault text;
begin
    select * into draft from ledger.draft as d where d.draft_id = new.draft_id;
    due_at := (draft.terms #>> '{review,due_at}')::timestamptz;
    fault := case
        when draft.draft_id is null then null
        when new.decision = 'approve' then ledger.approver_fault(new.draft_id, new.decided_by)
        when new.decision = 'deemed_approved' then case
            when draft.terms #>> '{review,then}' is distinct from 'deemed_approved'
                then 'no clause of its contract deems it approved'
            when ledger.asks_second(new.draft_id) then 'two persons approve such an amount, and no clause instead of them'
            when due_at is null then 'its contract sets no time after which it is deemed approved'
            -- By the clock here too: an instant that the writer names proves nothing about the time that has passed.
            when coalesce(least(new.decided_at, now()) < due_at, true)
                then 'its time is not over before ' || (draft.terms #>> '{review,due_at}')
            when new.decided_by <> 'clause ' || (draft.terms #>> '{review,clause}')
                then 'it is the clause that deems it approved, not a person'
        end
    end;
    if fault is not null then
        raise exception using
            errcode = 'restrict_violation',
            message = 'decision on draft ' || coalesce(new.draft_id, 'null') || ' refused: ' || fault;
    end if;
    return new;
end
$$;
create trigger refuse_authority before insert on ledger.decision
for each row execute function ledger.refuse_authority();
alter table ledger.decision enable always trigger refuse_authority;

-- The first of two approvals, where the contract asks for two above an amount. Grain: one row an approval; another one
-- of a draft where the earlier no longer stands. It is held to every rule of an approval, when it is given and when the
-- second person approves; that one is the decision.
create table ledger.first_approval (
    approval_no bigint primary key generated always as identity,
    draft_id text not null references ledger.draft (draft_id),
    decision text not null check (decision = 'approve'),
    comment text not null,
    decided_by text not null,
    decided_at timestamptz not null
);
create trigger refuse_authority before insert on ledger.first_approval
for each row execute function ledger.refuse_authority();
alter table ledger.first_approval enable always trigger refuse_authority;
create trigger refuse_decision before insert on ledger.first_approval
for each row execute function ledger.refuse_decision();
alter table ledger.first_approval enable always trigger refuse_decision;

-- Grain: one row a first approval. fault says why it no longer stands; null while it does.
create view ledger.first_approval_state as
select
    *,
    ledger.approver_fault(draft_id, decided_by) as fault
from ledger.first_approval;

-- Who approved before the decision: written by the trigger below alone.
alter table ledger.decision add column first_approved_by text;
alter table ledger.decision add column first_approved_at timestamptz;

create function ledger.asks_second(asked_draft_id text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select coalesce(
        ledger.approval_amount(d.draft_id) > (d.terms #>> '{review,second_above_amount}')::numeric, false
    )
    from ledger.draft as d
    where d.draft_id = asked_draft_id
$$;

create function ledger.take_first_approval() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    first ledger.first_approval_state;
begin
    if new.decision = 'approve' and ledger.asks_second(new.draft_id) then
        select * into first from ledger.first_approval_state as f
        where f.draft_id = new.draft_id and ledger.folded(f.decided_by) <> ledger.folded(new.decided_by)
        order by (f.fault is null) desc, f.approval_no desc
        limit 1;
        if first.draft_id is null or first.fault is not null then
            raise exception using
                errcode = 'restrict_violation',
                message = 'decision on draft ' || new.draft_id
                    || ' refused: two persons approve such an amount, and '
                    || coalesce('the first approval no longer stands: ' || first.fault, 'nobody else has');
        end if;
    end if;
    new.first_approved_by := first.decided_by;
    new.first_approved_at := first.decided_at;
    return new;
end
$$;
create trigger take_first_approval before insert on ledger.decision
for each row execute function ledger.take_first_approval();
alter table ledger.decision enable always trigger take_first_approval;

-- Grain: one row a time that somebody was told that a draft's time is over. What was told, and that it was.
create table ledger.reminder (
    draft_id text not null references ledger.draft (draft_id),
    number integer not null check (number > 0),
    action text not null check (action in ('remind', 'escalate')),
    message text not null,
    reminded_at timestamptz not null,
    primary key (draft_id, number)
);

-- Grain: one row a change to a charge, by anyone. core.charge keeps only the newest words of each.
create table ledger.charge_change (
    change_no bigint primary key generated always as identity,
    contract text not null,
    period text not null,
    kind text not null,
    operation text not null,
    before jsonb,
    after jsonb,
    changed_by text not null,
    changed_at timestamptz not null
);

create function ledger.note_charge_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    named jsonb := coalesce(after, before);
begin
    if before is distinct from after then
        insert into ledger.charge_change (contract, period, kind, operation, before, after, changed_by, changed_at)
        values (
            named ->> 'contract', named ->> 'period', named ->> 'kind', lower(tg_op), before, after, session_user, now()
        );
    end if;
    return null;
end
$$;
create trigger note_change after insert or update or delete on core.charge
for each row execute function ledger.note_charge_change();
alter table core.charge enable always trigger note_change;

call ledger.guard('request');
call ledger.guard('ruling');
call ledger.guard('reminder');
call ledger.guard('charge_change');
call ledger.guard('first_approval');

-- The log of changes to results, exclusions and charges, newest last. Grain: one row an act: what, by whom, when, why.
create view ledger.change_log as
with drafts as (
    select
        *,
        lag(contract_sha256) over (partition by contract, period order by number) as earlier_sha256,
        lag(credit_amount) over (partition by contract, period order by number) as earlier_amount
    from ledger.draft
),

decisions as (select * from ledger.decision),

postings as (select * from ledger.posting),

requests as (select * from ledger.request),

rulings as (select * from ledger.ruling),

reminders as (select * from ledger.reminder),

first_approvals as (select * from ledger.first_approval),

charges as (
    select
        *,
        after ->> 'approved_by' is not null
        and before - 'approved_by' - 'landed_at' = after - 'approved_by' - 'landed_at' as is_approval
    from ledger.charge_change
)

select
    drafted_at as changed_at,
    contract,
    period,
    'result' as subject,
    draft_id as name,
    'drafted: ' || reason as act,
    drafted_by as changed_by,
    concat_ws(
        '; ',
        case when earlier_amount is not null then 'credit ' || earlier_amount || ' to ' || credit_amount end,
        case when earlier_sha256 <> contract_sha256 then 'the contract file changed (rules or calendars)' end
    ) as words
from drafts
union all
select
    decisions.decided_at as changed_at,
    drafts.contract,
    drafts.period,
    'result' as subject,
    decisions.draft_id as name,
    decisions.decision as act,
    decisions.decided_by as changed_by,
    decisions.comment as words
from decisions
inner join drafts on decisions.draft_id = drafts.draft_id
union all
select
    first_approvals.decided_at as changed_at,
    drafts.contract,
    drafts.period,
    'result' as subject,
    first_approvals.draft_id as name,
    'first approval' as act,
    first_approvals.decided_by as changed_by,
    first_approvals.comment as words
from first_approvals
inner join drafts on first_approvals.draft_id = drafts.draft_id
union all
select
    reminders.reminded_at as changed_at,
    drafts.contract,
    drafts.period,
    'result' as subject,
    reminders.draft_id as name,
    reminders.action as act,
    'deadline' as changed_by,
    reminders.message as words
from reminders
inner join drafts on reminders.draft_id = drafts.draft_id
union all
select
    posted_at as changed_at,
    contract,
    period,
    'result' as subject,
    statement_number as name,
    'posted' as act,
    approved_by as changed_by,
    approval_comment as words
from postings
union all
select
    requested_at as changed_at,
    contract,
    period,
    kind as subject,
    request_id as name,
    'requested' as act,
    requested_by as changed_by,
    reason || ': ' || explanation as words
from requests
union all
select
    rulings.ruled_at as changed_at,
    requests.contract,
    requests.period,
    requests.kind as subject,
    rulings.request_id as name,
    rulings.ruling as act,
    rulings.ruled_by as changed_by,
    rulings.comment as words
from rulings
inner join requests on rulings.request_id = requests.request_id
union all
select
    changed_at,
    contract,
    period,
    'charge' as subject,
    kind as name,
    case when is_approval then 'approve' else operation end as act,
    coalesce(after ->> case when is_approval then 'approved_by' else 'imported_by' end, changed_by) as changed_by,
    concat_ws(' to ', before ->> 'amount', after ->> 'amount') as words
from charges;

grant select on
ledger.request, ledger.ruling, ledger.request_state, ledger.reminder, ledger.charge_change, ledger.change_log,
ledger.first_approval, ledger.first_approval_state
to finance;
grant insert on ledger.request, ledger.ruling, ledger.reminder, ledger.first_approval to finance;
