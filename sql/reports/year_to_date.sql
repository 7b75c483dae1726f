-- Credits of a contract posted in the year of a period, up to it.
-- Grain: one row. Inputs: ledger.posting. Binds: contract, period.
select coalesce(sum(credit_amount), 0) as credit_amount
from ledger.posting
where contract = :contract and left(period, 4) = left(:period, 4) and period <= :period
