-- What arrived each day, and the desk's own counts beside ours: what volume, freshness and completeness are judged by.

-- Grain: one table of a source on one day that was loaded. newest_at is the newest instant that its records tell.
create table quality.arrival (
    source text not null,
    partition text not null,
    table_name text not null,
    records bigint not null check (records >= 0),
    newest_at timestamptz,
    loaded_at timestamptz not null,
    constraint arrival_key primary key (source, partition, table_name)
);

-- Grain: one count that the desk gave, each time it gave it: at is its own instant. ours are the tickets in core that
-- were not deleted by then; quarantined those of which nothing could be loaded; deleted are ours and not in theirs.
-- partition is that of the load which compared it.
create table quality.control_total (
    source text not null,
    partition text not null,
    what text not null,
    theirs bigint not null check (theirs >= 0),
    ours bigint not null check (ours >= 0),
    quarantined bigint not null default 0 check (quarantined >= 0),
    deleted bigint not null default 0 check (deleted >= 0),
    at timestamptz not null,
    constraint control_total_key primary key (source, what, at)
);

grant select, insert, update, delete on quality.arrival, quality.control_total to loader;
grant select on quality.arrival, quality.control_total to finance;
