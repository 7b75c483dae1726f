-- The poor answers behind a draft, lowest first, with the customer's own words, which the ledger does not keep.
-- Grain: one answer. Inputs: ledger.draft_ticket, core.survey_answer. Binds: draft_id.
with poor as (
    select distinct
        ticket_id,
        source,
        survey_id,
        answer_id,
        team,
        rating,
        responded_at
    from ledger.draft_ticket
    where draft_id = :draft_id and fate = 'failed' and survey_id is not null
),

answers as (select * from core.survey_answer)

select
    poor.ticket_id,
    poor.team,
    poor.rating,
    poor.responded_at,
    answers.comment
from poor
left join answers
    on
        poor.source = answers.source
        and poor.survey_id = answers.survey_id
        and poor.answer_id = answers.answer_id
order by poor.rating, poor.responded_at, poor.ticket_id
