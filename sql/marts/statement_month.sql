-- mart.statement_month
-- Grain: one month of a contract. Inputs: ledger.draft_state, ledger.draft_level, ledger.attempt, ledger.held_up.
-- Key: contract, period. What holds a month up stands here with its reason, such as no_base, or incomplete tickets.
merge into mart.statement_month as mart
using (
    with states as (
        select
            *,
            row_number() over (
                partition by contract, period order by (state = 'posted')::integer desc, number desc
            ) as preference
        from ledger.draft_state
    ),

    levels as (
        select
            draft_id,
            count(*) as levels,
            sum((status = 'breached')::integer) as levels_missed
        from ledger.draft_level
        group by draft_id
    ),

    attempts as (
        select
            *,
            row_number() over (partition by contract, period order by attempt_no desc) as recency
        from ledger.attempt
    ),

    drafted as (
        select
            states.*,
            coalesce(levels.levels, 0) as levels,
            coalesce(levels.levels_missed, 0) as levels_missed
        from states
        left join levels on states.draft_id = levels.draft_id
        where states.preference = 1
    ),

    stopped as (
        select *
        from attempts
        where recency = 1
    )

    select
        drafted.statement_number,
        drafted.draft_id,
        drafted.currency,
        drafted.credit_amount,
        drafted.incomplete_tickets,
        coalesce(drafted.contract, stopped.contract) as contract,
        coalesce(drafted.period, stopped.period) as period,
        coalesce(drafted.state, stopped.outcome) as state,
        coalesce(drafted.levels, 0) as levels,
        coalesce(drafted.levels_missed, 0) as levels_missed,
        held_up.reason as message
    from drafted
    full join stopped on drafted.contract = stopped.contract and drafted.period = stopped.period
    left join ledger.held_up as held_up
        on
            coalesce(drafted.contract, stopped.contract) = held_up.contract
            and coalesce(drafted.period, stopped.period) = held_up.period
) as fresh
    on mart.contract = fresh.contract and mart.period = fresh.period
when matched then
    update set
        statement_number = fresh.statement_number,
        draft_id = fresh.draft_id,
        state = fresh.state,
        currency = fresh.currency,
        credit_amount = fresh.credit_amount,
        levels = fresh.levels,
        levels_missed = fresh.levels_missed,
        incomplete_tickets = fresh.incomplete_tickets,
        message = fresh.message
when not matched then
    insert (
        contract, period, statement_number, draft_id, state, currency, credit_amount, levels, levels_missed,
        incomplete_tickets, message
    )
    values (
        fresh.contract, fresh.period, fresh.statement_number, fresh.draft_id, fresh.state, fresh.currency,
        fresh.credit_amount, fresh.levels, fresh.levels_missed, fresh.incomplete_tickets, fresh.message
    )
when not matched by source then
    delete;
