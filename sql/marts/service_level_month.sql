-- mart.service_level_month
-- Grain: one service level of a contract's month.
-- Inputs: ledger.draft_state, ledger.standing_month, ledger.draft_level.
-- Key: contract, period, service_level. Rows of a superseded draft give way to the one that speaks for the month; those
-- of a posted month that was corrected, to the result that stands.
merge into mart.service_level_month as mart
using (
    with states as (
        select
            *,
            row_number() over (
                partition by contract, period order by (state = 'posted')::integer desc, number desc
            ) as preference
        from ledger.draft_state
    ),

    standing as (select * from ledger.standing_month),

    levels as (select * from ledger.draft_level)

    select
        states.contract,
        states.period,
        levels.service_level,
        levels.title,
        levels.draft_id,
        states.state = 'posted' as is_posted,
        levels.statistic,
        levels.operator,
        levels.target,
        levels.value,
        levels.shown_value,
        levels.status,
        levels.sample,
        levels.met_tickets,
        levels.failed_tickets
    from states
    left join standing on states.draft_id = standing.posted_draft_id
    inner join levels on coalesce(standing.draft_id, states.draft_id) = levels.draft_id
    where states.preference = 1
) as fresh
    on
        mart.contract = fresh.contract
        and mart.period = fresh.period
        and mart.service_level = fresh.service_level
when matched and (mart.draft_id, mart.is_posted) is distinct from (fresh.draft_id, fresh.is_posted) then
    update set
        title = fresh.title,
        draft_id = fresh.draft_id,
        is_posted = fresh.is_posted,
        statistic = fresh.statistic,
        operator = fresh.operator,
        target = fresh.target,
        value = fresh.value,
        shown_value = fresh.shown_value,
        status = fresh.status,
        sample = fresh.sample,
        met_tickets = fresh.met_tickets,
        failed_tickets = fresh.failed_tickets
when not matched then
    insert (
        contract, period, service_level, title, draft_id, is_posted, statistic, operator, target, value, shown_value,
        status, sample, met_tickets, failed_tickets
    )
    values (
        fresh.contract, fresh.period, fresh.service_level, fresh.title, fresh.draft_id, fresh.is_posted,
        fresh.statistic, fresh.operator, fresh.target, fresh.value, fresh.shown_value, fresh.status, fresh.sample,
        fresh.met_tickets, fresh.failed_tickets
    )
when not matched by source then
    delete;
