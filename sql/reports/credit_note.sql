-- The credit note of a posted statement, and what it was booked by. Grain: one row, or none. Input: statement_number.
with notes as (select * from ledger.credit_note)

select
    note_number,
    books
from notes
where statement_number = :statement_number
