-- Which poor answers the team leads have been told, so that each is told once.

-- Grain: one answer under one contract. What is poor is the contract's choice.
create table quality.poor_answer_told (
    contract text not null,
    source text not null,
    survey_id text not null,
    answer_id text not null,
    told_at timestamptz not null,
    constraint poor_answer_told_key primary key (contract, source, survey_id, answer_id)
);

grant select, insert, update, delete on quality.poor_answer_told to loader;
grant select on quality.poor_answer_told to finance;
