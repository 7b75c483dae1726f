-- What reports and people read: aggregates only, refreshed by the statements of sql/marts/ and never written by hand.

-- Grain: one service level of a contract's month, from its posted draft, or else from the newest one.
create table mart.service_level_month (
    contract text not null,
    period text not null,
    service_level text not null,
    title text not null,
    draft_id text not null,
    is_posted boolean not null,
    statistic text not null,
    operator text not null,
    target text not null,
    value text,
    shown_value numeric,
    status text not null,
    sample integer not null,
    met_tickets integer not null,
    failed_tickets integer not null,
    constraint service_level_month_key primary key (contract, period, service_level)
);

-- Grain: one month of a contract that was drafted, or could not be. state is the draft's, or why there is none.
create table mart.statement_month (
    contract text not null,
    period text not null,
    statement_number text,
    draft_id text,
    state text not null,
    currency text,
    credit_amount numeric,
    levels bigint not null,
    levels_missed bigint not null,
    incomplete_tickets integer,
    message text,
    constraint statement_month_key primary key (contract, period)
);

grant select, insert, update, delete on all tables in schema mart to loader, finance;
grant select on all tables in schema mart to finance, reader;
