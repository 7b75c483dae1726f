-- Measured facts, rebuilt from a ticket's full history and never replaced by an older as_of.

-- Grain: one cycle of one clock of one ticket under one contract version. Durations are microseconds.
-- as_of is the instant as of which the row's values were first found; facts.measured says how far they were confirmed.
create table facts.cycle (
    contract text not null,
    version bigint not null,
    ticket_key bigint not null,
    created_month integer not null,
    clock text not null,
    cycle bigint not null,
    state text not null,
    started_at timestamptz not null,
    stopped_at timestamptz,
    due_at timestamptz,
    breached_at timestamptz,
    target_us bigint,
    elapsed_us bigint not null,
    provider_us bigint not null,
    customer_us bigint not null,
    third_party_us bigint not null,
    attributed_at timestamptz not null,
    account text,
    team text,
    agent text,
    product text,
    priority text,
    is_incomplete boolean not null,
    as_of timestamptz not null,
    constraint cycle_key primary key (ticket_key, contract, version, clock, cycle, created_month)
) partition by list (created_month);
create index cycle_attributed on facts.cycle (contract, version, attributed_at);

-- Grain: one ticket under one contract version. as_of is the newest instant that the ticket was measured as of.
-- It also stands for tickets without a cycle: an older rerun must not bring back rows that a newer one took away.
create table facts.measured (
    contract text not null,
    version bigint not null,
    ticket_key bigint not null,
    created_month integer not null,
    as_of timestamptz not null,
    constraint measured_key primary key (ticket_key, contract, version, created_month)
) partition by list (created_month);

alter table facts.cycle owner to loader;
alter table facts.measured owner to loader;
grant select on all tables in schema facts to finance;
