-- Adjustments of posted months. What a posted month would say today is a draft of that month with reason 'restated':
-- nobody decides on it by itself, and it is never posted. A draft of an open month names the restated drafts whose
-- differences it books; approving and posting that draft approves and books them with it.

alter table ledger.draft drop constraint draft_reason_check;
alter table ledger.draft add constraint draft_reason_check
check (reason in ('first', 'inputs_changed', 'disputed', 'restated', 'evidence_lost'));

-- One row a posted month that a draft corrects. amount = what the month comes to now, less what was issued for it and
-- less the adjustments that were posted before: however often a month is corrected, all of them sum to its last result.
-- replaced_draft_id is the draft whose result stood until now; causes say what changed.
create table ledger.draft_adjustment (
    draft_id text not null references ledger.draft (draft_id),
    corrected_period text not null,
    corrected_statement text not null references ledger.posting (statement_number),
    replaced_draft_id text not null references ledger.draft (draft_id),
    restated_draft_id text not null references ledger.draft (draft_id),
    currency text not null,
    issued_amount numeric not null,
    adjusted_amount numeric not null,
    restated_amount numeric not null,
    amount numeric not null,
    causes jsonb not null,
    primary key (draft_id, corrected_period),
    check (amount = restated_amount - issued_amount - adjusted_amount)
);
create index draft_adjustment_by_restated on ledger.draft_adjustment (restated_draft_id);

call ledger.guard('draft_adjustment');
create trigger refuse_late_rows after insert on ledger.draft_adjustment
referencing new table as added for each statement execute function ledger.refuse_late_rows();
alter table ledger.draft_adjustment enable always trigger refuse_late_rows;

-- Posted adjustments. Grain, and key: contract, corrected_period, booked_period.
create view ledger.adjustment as
with postings as (select * from ledger.posting),

adjustments as (select * from ledger.draft_adjustment)

select
    postings.contract,
    adjustments.corrected_period,
    postings.period as booked_period,
    adjustments.corrected_statement,
    postings.statement_number as booked_statement,
    adjustments.draft_id,
    adjustments.replaced_draft_id,
    adjustments.restated_draft_id,
    adjustments.currency,
    adjustments.issued_amount,
    adjustments.adjusted_amount,
    adjustments.restated_amount,
    adjustments.amount,
    adjustments.causes,
    postings.approved_by,
    postings.posted_at
from postings
inner join adjustments on postings.draft_id = adjustments.draft_id;

-- What stands of each posted month: the draft whose result holds now, what its own statement issued for it (without
-- what that statement booked for earlier months), and the sum of its adjustments. Grain: one posted month.
create view ledger.standing_month as
with postings as (select * from ledger.posting),

adjustments as (select * from ledger.adjustment),

booked as (
    select
        booked_statement,
        sum(amount) as amount
    from adjustments
    group by booked_statement
),

corrected as (
    select
        corrected_statement,
        sum(amount) as amount,
        (array_agg(restated_draft_id order by booked_period desc))[1] as restated_draft_id
    from adjustments
    group by corrected_statement
)

select
    postings.contract,
    postings.period,
    postings.statement_number,
    postings.currency,
    postings.draft_id as posted_draft_id,
    coalesce(corrected.restated_draft_id, postings.draft_id) as draft_id,
    postings.credit_amount - coalesce(booked.amount, 0) as issued_amount,
    coalesce(corrected.amount, 0) as adjusted_amount
from postings
left join booked on postings.statement_number = booked.booked_statement
left join corrected on postings.statement_number = corrected.corrected_statement;

-- An adjustment follows from what stands, restates a posted month before the one that books it, and is the line of
-- money that was approved. For every role, and once: the statement that books it is posted once.
create function ledger.refuse_adjustment() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    fault text;
begin
    select min(coalesce(proposed.corrected_period, line.term) || ': ' || case
        when proposed.draft_id is null then 'no restated month stands behind the line'
        when standing.statement_number is null or standing.contract <> new.contract then 'its month is not posted'
        when proposed.corrected_period <> standing.period or standing.period >= new.period then 'not an earlier month'
        when new.currency <> standing.currency or new.currency <> proposed.currency
            or new.currency <> restated.currency then 'amounts are never converted'
        when (proposed.issued_amount, proposed.adjusted_amount, proposed.replaced_draft_id)
            is distinct from (standing.issued_amount, standing.adjusted_amount, standing.draft_id)
            then 'another result stands by now'
        when restated.reason <> 'restated' or restated.contract <> new.contract
            or restated.period <> standing.period or restated.credit_amount <> proposed.restated_amount
            then 'not what the month was restated to'
        when restated.incomplete_tickets > 0 then 'restated from incomplete tickets'
        when line.credit_amount is distinct from proposed.amount then 'not the line of the statement'
    end) into fault
    from (select * from ledger.draft_adjustment as d where d.draft_id = new.draft_id) as proposed
    full join (
        select * from ledger.draft_line as l
        where l.draft_id = new.draft_id and l.status = 'adjustment' and l.term like 'restatement:%'
    ) as line on line.term = 'restatement:' || proposed.corrected_period
    left join ledger.standing_month as standing on proposed.corrected_statement = standing.statement_number
    left join ledger.draft as restated on proposed.restated_draft_id = restated.draft_id;
    if fault is not null then
        raise exception using
            errcode = 'restrict_violation',
            message = 'posting of draft ' || new.draft_id || ' refused: adjustment of ' || fault;
    end if;
    return new;
end
$$;
create trigger refuse_adjustment before insert on ledger.posting
for each row execute function ledger.refuse_adjustment();
alter table ledger.posting enable always trigger refuse_adjustment;

-- Where each draft stands. Grain: one row a draft. in_review, approved, disputed, posted, superseded by a newer one, or
-- restated: it stands beside its posted month.
create view ledger.draft_state as
with drafts as (
    select
        *,
        max(number) over (partition by contract, period) as newest_number
    from ledger.draft
),

decisions as (select * from ledger.decision),

postings as (select * from ledger.posting)

select
    drafts.draft_id,
    drafts.contract,
    drafts.period,
    drafts.number,
    drafts.statement_number,
    drafts.reason,
    drafts.currency,
    drafts.credit_amount,
    drafts.contract_sha256,
    drafts.inputs_sha256,
    drafts.incomplete_tickets,
    drafts.data_cutoff,
    drafts.data_mark,
    drafts.run_id,
    drafts.drafted_at,
    decisions.decision,
    decisions.comment,
    decisions.decided_by,
    decisions.decided_at,
    postings.posted_at,
    case
        when postings.draft_id = drafts.draft_id then 'posted'
        when drafts.reason = 'restated' then 'restated'
        when postings.draft_id is not null or drafts.number < drafts.newest_number then 'superseded'
        when decisions.decision in ('approve', 'deemed_approved') then 'approved'
        when decisions.decision = 'dispute' then 'disputed'
        else 'in_review'
    end as state
from drafts
left join decisions on drafts.draft_id = decisions.draft_id
left join postings on drafts.contract = postings.contract and drafts.period = postings.period;

-- What holds an open month up, in words: no draft could be made, or its draft cannot be posted. Grain: one month of a
-- contract; none that only waits for a decision. An attempt that ended `current` found that the draft holds after all.
create view ledger.held_up as
with drafts as (
    select
        *,
        row_number() over (
            partition by contract, period order by (state = 'posted')::integer desc, number desc
        ) as preference
    from ledger.draft_state
),

attempts as (
    select
        *,
        row_number() over (partition by contract, period order by attempt_no desc) as recency
    from ledger.attempt
),

newest as (
    select *
    from drafts
    where preference = 1
),

stopped as (
    select *
    from attempts
    where recency = 1
),

told as (
    select
        coalesce(newest.contract, stopped.contract) as contract,
        coalesce(newest.period, stopped.period) as period,
        case
            when newest.state = 'posted' then null
            when newest.draft_id is null or (stopped.attempted_at >= newest.drafted_at and stopped.outcome <> 'current')
                then stopped.message
            when newest.incomplete_tickets > 0
                then
                    newest.incomplete_tickets || ' incomplete tickets or rows block its posting: have their rows in '
                    || 'quarantine mended and replayed, or waived by two persons'
        end as reason
    from newest
    full join stopped on newest.contract = stopped.contract and newest.period = stopped.period
)

select *
from told
where reason is not null;

-- Enforcement register. Grain: one row a failed service level of a contract's month, from the result that stands of a
-- posted one, or else from the newest draft. A level failed when its objective was missed, or when a line that prices
-- it says that it failed (a gate may decide otherwise than the objective). Every failure has exactly one outcome:
-- nothing is missing. A failure that a correction took away stays in it as corrected. draft_id is the draft that states
-- the failure.
create view ledger.enforcement as
with states as (
    select
        *,
        row_number() over (
            partition by contract, period order by (state = 'posted')::integer desc, number desc
        ) as preference
    from ledger.draft_state
),

standing as (select * from ledger.standing_month),

levels as (select * from ledger.draft_level),

lines as (select * from ledger.draft_line),

results as (
    select
        states.contract,
        states.period,
        states.draft_id,
        states.statement_number,
        states.state,
        states.currency,
        coalesce(standing.draft_id, states.draft_id) as result_draft_id
    from states
    left join standing on states.draft_id = standing.posted_draft_id
    where states.preference = 1
),

-- Caps and other cuts fall on the statement, not on one service level: they tell whether anything was left to pay.
cuts as (
    select
        draft_id,
        sum(case when status = 'cap' then credit_amount else 0 end) as cap_amount,
        sum(case when status = 'adjustment' then 0 else credit_amount end) as own_amount
    from lines
    group by draft_id
),

-- A line of money names its service level; a failure that names none stands under its own term.
priced as (
    select
        draft_id,
        coalesce(service_level, term) as service_level,
        min(clause) as clause,
        min(operator) as operator,
        min(target) as target,
        sum(case when status = 'waived' then 0 else credit_amount end) as line_amount,
        sum(case when status = 'waived' then credit_amount else 0 end) as waived_amount,
        string_agg(distinct status, ', ' order by status) as line_status,
        bool_or(
            status in (
                'breach', 'expected_miss', 'superseded', 'unmapped', 'late_claim', 'unclaimed', 'unchosen', 'waived'
            )
        ) as is_failed
    from lines
    group by draft_id, coalesce(service_level, term)
),

failures as (
    select
        levels.shown_value,
        levels.sample,
        priced.line_amount,
        priced.waived_amount,
        priced.line_status,
        coalesce(levels.draft_id, priced.draft_id) as draft_id,
        coalesce(levels.service_level, priced.service_level) as service_level,
        coalesce(levels.clause, priced.clause) as clause,
        coalesce(levels.operator, priced.operator) as operator,
        coalesce(levels.target, priced.target) as target
    from levels
    full outer join priced on levels.draft_id = priced.draft_id and levels.service_level = priced.service_level
    where levels.status = 'breached' or priced.is_failed
),

told as (
    select
        results.contract,
        results.period,
        results.statement_number,
        results.state,
        results.currency,
        failures.*,
        false as is_corrected
    from results
    inner join failures on results.result_draft_id = failures.draft_id
    union all
    select
        results.contract,
        results.period,
        results.statement_number,
        results.state,
        results.currency,
        failures.*,
        true as is_corrected
    from results
    inner join failures on results.draft_id = failures.draft_id
    where not exists (
        select 1
        from failures as still
        where still.draft_id = results.result_draft_id and still.service_level = failures.service_level
    )
)

select
    told.contract,
    told.period,
    told.draft_id,
    told.statement_number,
    told.state,
    told.currency,
    told.service_level,
    told.clause,
    told.operator,
    told.target,
    told.shown_value,
    told.sample,
    coalesce(told.line_amount, 0) as line_amount,
    coalesce(cuts.cap_amount, 0) as cap_amount,
    coalesce(told.line_status, 'not priced') as line_status,
    case
        when told.is_corrected then 'corrected'
        when told.state = 'disputed' then 'disputed'
        when told.line_status is null then 'reported only'
        when told.state <> 'posted' then 'awaiting decision'
        when position('superseded' in told.line_status) > 0 then 'superseded'
        when told.line_amount > 0 and told.line_amount + told.waived_amount <= 0 then 'waived'
        when told.waived_amount < 0 and coalesce(cuts.cap_amount, 0) < 0 then 'credited, capped, waived in part'
        when told.waived_amount < 0 then 'credited, waived in part'
        when told.line_amount > 0 and cuts.own_amount <= 0 and coalesce(cuts.cap_amount, 0) < 0 then 'capped'
        when told.line_amount > 0 and coalesce(cuts.cap_amount, 0) < 0 then 'credited, capped'
        when told.line_amount > 0 then 'credited'
        else 'no amount: ' || told.line_status
    end as outcome,
    coalesce(told.waived_amount, 0) as waived_amount
from told
left join cuts on told.draft_id = cuts.draft_id;

grant select on
ledger.draft_adjustment, ledger.adjustment, ledger.standing_month, ledger.draft_state, ledger.held_up,
ledger.enforcement
to finance;
grant insert on ledger.draft_adjustment to finance;
