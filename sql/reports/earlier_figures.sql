-- The days and backlogs of a contract's posted months before a period, oldest first, as they were frozen.
-- Grain: one month. Inputs: ledger.posting. Binds: contract, before.
select
    period,
    control #> '{figures,daily}' as daily,
    control #> '{figures,backlog}' as backlog
from ledger.posting
where contract = :contract and period < :before and control #> '{figures,daily}' is not null
order by period
