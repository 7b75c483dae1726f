-- What the desk itself says of its tickets, to be held against ours: its counts, the figures of its own SLA clocks, and
-- what came of comparing those with ours.

-- Grain: one count, each time the desk gave it: of its tickets created in [created_from, created_before), or up to the
-- number last_ticket. Deleted tickets are in none.
create table core.desk_count (
    source text not null,
    what text not null,
    counted_at timestamptz not null,
    created_from timestamptz,
    created_before timestamptz,
    last_ticket bigint,
    tickets bigint not null,
    landed_at timestamptz not null,
    constraint desk_count_key primary key (source, what, counted_at)
);

-- Grain: one event of one measurement (instance) of one of the desk's own clocks (metric) on one ticket.
create table core.desk_figure (
    source text not null,
    figure_id text not null,
    ticket_key bigint not null,
    metric text not null,
    instance bigint not null,
    kind text not null,
    occurred_at timestamptz not null,
    target_seconds bigint,
    hours text,
    business_minutes bigint,
    calendar_minutes bigint,
    due_at timestamptz,
    policy text,
    landed_at timestamptz not null,
    constraint desk_figure_key primary key (source, figure_id)
);
create index desk_figure_ticket on core.desk_figure (ticket_key);

-- Grain: one cause of one metric and clock, of the newest cross-check of a contract. examples are tickets with what
-- each side says.
create table quality.crosscheck (
    source text not null,
    contract text not null,
    metric text not null,
    clock text not null,
    cause text not null,
    cycles bigint not null check (cycles > 0),
    examples jsonb not null,
    compared_at timestamptz not null,
    constraint crosscheck_key primary key (source, contract, metric, clock, cause)
);

grant select, insert, update, delete, truncate on core.desk_count, core.desk_figure to loader;
grant select, insert, update, delete on quality.crosscheck to loader;
grant select on core.desk_count, core.desk_figure, quality.crosscheck to finance;
