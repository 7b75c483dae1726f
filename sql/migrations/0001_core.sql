-- Schemas, roles and the canonical tables (core). One row a ticket, event, survey answer, account, team, agent, charge.
-- Partition key of tickets and events: created_month, the month (yyyymm, UTC) that a ticket was first known to be
-- created in. It never changes, stands inside every key, and partitions are made by the loads that need them.
-- landed_at is when the stored values landed; a row that lands again unchanged keeps it.

do $$
declare
    role_name text;
begin
    foreach role_name in array array['loader', 'finance', 'reader'] loop
        if not exists (select from pg_roles where rolname = role_name) then
            execute format('create role %I nologin', role_name);
        end if;
    end loop;
    -- Attaching a partition takes the table's owner, and handing a table over takes a member of the new owner.
    if not pg_has_role(current_user, 'loader', 'member') then
        execute format('grant loader to %I', current_user);
    end if;
end
$$;

create schema if not exists core;
create schema if not exists quality;
create schema if not exists facts;
create schema if not exists ledger;
create schema if not exists mart;

create table core.ticket (
    ticket_key bigint not null,
    created_month integer not null,
    shard bigint not null,
    source text not null,
    ticket_id text not null,
    account text,
    team text,
    agent text,
    product text,
    region text,
    issue_type text,
    severity text,
    priority text,
    urgency text,
    support_level bigint,
    channel text,
    has_workaround boolean,
    environment text,
    resolution_code text,
    target_release text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    landed_at timestamptz not null,
    -- The ticket comes first: a lookup without the month is then one index probe a partition.
    constraint ticket_key primary key (ticket_key, created_month)
) partition by list (created_month);

create table core.ticket_event (
    ticket_key bigint not null,
    created_month integer not null,
    event_id text not null,
    occurred_at timestamptz not null,
    seq bigint not null,
    kind text not null,
    value text,
    previous_value text,
    source_value text,
    actor_id text,
    actor_role text,
    is_public boolean,
    landed_at timestamptz not null,
    constraint ticket_event_key primary key (ticket_key, event_id, created_month)
) partition by list (created_month);

create table core.survey_answer (
    source text not null,
    survey_id text not null,
    answer_id text not null,
    ticket_key bigint not null,
    team text,
    agent text,
    sent_at timestamptz not null,
    responded_at timestamptz,
    rating bigint,
    comment text,
    landed_at timestamptz not null,
    constraint survey_answer_key primary key (source, survey_id, answer_id)
);
create index survey_answer_ticket on core.survey_answer (ticket_key);

create table core.account (
    source text not null,
    account text not null,
    name text,
    tier text,
    landed_at timestamptz not null,
    constraint account_key primary key (source, account)
);

create table core.team (
    source text not null,
    team text not null,
    name text,
    region text,
    landed_at timestamptz not null,
    constraint team_key primary key (source, team)
);

create table core.agent (
    source text not null,
    agent text not null,
    team text,
    country text,
    landed_at timestamptz not null,
    constraint agent_key primary key (source, agent)
);

create table core.charge (
    contract text not null,
    period text not null,
    kind text not null,
    amount numeric not null,
    currency text not null,
    invoice_number text,
    imported_by text,
    approved_by text,
    landed_at timestamptz not null,
    constraint charge_key primary key (contract, period, kind)
);

grant usage, create on schema core, facts to loader;
grant usage on schema quality, mart to loader;
grant usage on schema core, quality, facts, ledger, mart to finance;
grant usage on schema mart to reader;

alter table core.ticket owner to loader;
alter table core.ticket_event owner to loader;
grant select, insert, update, delete, truncate on all tables in schema core to loader;
grant select on all tables in schema core to finance;
