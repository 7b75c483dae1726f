-- The earlier months of a contract's service levels, oldest first.
-- Grain: one service level and month. Inputs: mart.service_level_month. Binds: contract, before.
select
    service_level,
    period,
    value,
    status
from mart.service_level_month
where contract = :contract and period < :before
order by service_level, period
