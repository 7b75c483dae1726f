-- The first of two approvals of a draft. Grain: one row, or none. Input: draft_id.
select
    decided_by,
    decided_at
from ledger.first_approval
where draft_id = :draft_id
