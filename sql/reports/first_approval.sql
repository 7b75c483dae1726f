-- The first of two approvals of a draft: the one that its decision took, else the newest; fault says why that one no
-- longer stands. Grain: one row, or none. Input: draft_id.
with approvals as (select * from ledger.first_approval_state),

decisions as (select * from ledger.decision)

select
    approvals.decided_by,
    approvals.decided_at,
    case when decisions.first_approved_by is null then approvals.fault end as fault
from approvals
left join decisions on approvals.draft_id = decisions.draft_id
where
    approvals.draft_id = :draft_id
    and coalesce(decisions.first_approved_by, approvals.decided_by) = approvals.decided_by
order by approvals.approval_no desc
limit 1
